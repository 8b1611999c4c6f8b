// Crossover: between two measurements, by a straight line.
#include "examples/cli/crossover.h"

#include "examples/cli/console.h"

namespace espalier::cli {

std::optional<double> break_even(const std::vector<CrossoverPoint>& points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double ratio = points[i].sparse_ms / points[i].dense_ms;
    if (ratio < 1) continue;
    if (i == 0) return {};
    const double before = points[i - 1].sparse_ms / points[i - 1].dense_ms;
    return points[i - 1].density +
           (points[i].density - points[i - 1].density) * (1 - before) / (ratio - before);
  }
  return {};
}

std::string verdict(const std::vector<CrossoverPoint>& points) {
  if (const auto even = break_even(points))
    return "sparse is faster below " + short_percent(*even, 3) + " density";
  const bool faster = points.front().sparse_ms < points.front().dense_ms;
  const std::string at = short_percent(faster ? points.back().density : points.front().density, 3);
  if (points.size() == 1)
    return std::string("sparse is ") + (faster ? "faster" : "slower") + " at " + at + " density";
  return faster ? "sparse is faster at every density measured, up to " + at
                : "sparse is slower already at the lowest density measured, " + at;
}

}  // namespace espalier::cli
