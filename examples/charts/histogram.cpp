// Histogram: counting, and the layout.
#include "examples/charts/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace espalier::charts {
namespace {

constexpr double kWidth = 200, kSide = 8, kTop = 40, kPlot = 70, kBottom = kTop + kPlot;

// A staircase along the counts; closed: down to the axis at both ends.
std::string stairs(const std::vector<std::int64_t>& counts, std::int64_t most, bool closed) {
  const double step = (kWidth - 2 * kSide) / static_cast<double>(counts.size());
  std::string path = "M" + number(kSide) + " " + number(kBottom);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double y = kBottom - kPlot * static_cast<double>(counts[i]) / static_cast<double>(most);
    path += "V" + number(y) + "H" + number(kSide + step * static_cast<double>(i + 1));
  }
  return path + "V" + number(kBottom) + (closed ? "Z" : "");
}

}  // namespace

std::vector<std::int64_t> counts(const float* values, std::int64_t size, double limit, int bins) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(bins), 0);
  for (std::int64_t i = 0; i < size; ++i) {
    if (values[i] == 0 || !std::isfinite(values[i])) continue;
    const double place = (values[i] + limit) / (2 * limit) * bins;
    ++result[static_cast<std::size_t>(std::clamp(place, 0.0, bins - 1.0))];
  }
  return result;
}

std::string svg(const Histogram& histogram, Place place) {
  std::int64_t most = 1;
  for (const auto& set : histogram.sets)
    for (const std::int64_t count : set.counts) most = std::max(most, count);
  std::string body = words(histogram.title, kSide, 16, "class=\"strong\"") +
                     words(histogram.subtitle, kSide, 32, "class=\"soft small\"");
  for (std::size_t i = 0; i < histogram.sets.size(); ++i) {
    const auto& set = histogram.sets[i];
    body += coloured(set.colour, std::string("<path class=\"") + (i ? "thin" : "area") + "\" d=\"" +
                                     stairs(set.counts, most, i == 0) + "\">" + tip(set.name) +
                                     "</path>\n");
  }
  body += line("axis", kSide, kBottom, kWidth - kSide, kBottom);
  char limit[32];
  std::snprintf(limit, sizeof limit, "%.2g", histogram.limit);
  const double below = kBottom + 14;
  body += words(std::string("\u2212") + limit, kSide, below, "class=\"soft small\"");
  body += words("0", kWidth / 2, below, "class=\"soft small\" text-anchor=\"middle\"");
  body += words(limit, kWidth - kSide, below, "class=\"soft small\" text-anchor=\"end\"");
  Frame frame{.width = kWidth, .height = kBottom + 22, .place = place};
  frame.label = histogram.title + ": " + histogram.subtitle;
  return framed(frame, body);
}

}  // namespace espalier::charts
