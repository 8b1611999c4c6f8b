// Axes: steps of 1, 2 or 5 times a power of ten.
#include "examples/charts/chart_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace espalier::charts {

Scale::Scale(const ChartAxis& axis, const std::vector<double>& values, double first, double last,
             int marks)
    : axis_(axis), first_(first), last_(last) {
  double low = *std::min_element(values.begin(), values.end());
  double high = *std::max_element(values.begin(), values.end());
  if (!axis.names.empty()) {
    low_ = -0.5, high_ = static_cast<double>(axis.names.size()) - 0.5;
    for (std::size_t i = 0; i < axis.names.size(); ++i) marks_.push_back(static_cast<double>(i));
  } else if (axis.log) {
    logarithmic(low, high);
  } else {
    linear(low, high, marks);
  }
}

void Scale::linear(double low, double high, int marks) {
  if (!(high > low)) {  // one value: room around it
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room, high += room;
  }
  const double rough = (high - low) / marks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power <= 1   ? 1
                               : rough / power <= 2 ? 2
                               : rough / power <= 5 ? 5
                                                    : 10);
  // A hundredth of a step counts as on the mark: 0.1 + 0.2 is not beyond 0.3.
  const auto from = static_cast<long long>(std::floor(low / step + 0.01));
  const auto to = static_cast<long long>(std::ceil(high / step - 0.01));
  for (long long i = from; i <= to; ++i) marks_.push_back(static_cast<double>(i) * step);
  low_ = marks_.front(), high_ = marks_.back();
  const double shown = axis_.percent ? 100 * step : step;
  digits_ = std::max(0, -static_cast<int>(std::floor(std::log10(shown) + 1e-9)));
}

void Scale::logarithmic(double low, double high) {
  const int from = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int to = std::max(from + 1, static_cast<int>(std::ceil(std::log10(high) - 1e-9)));
  const bool few = to - from <= 2;
  for (int power = from; power <= to; ++power)
    for (const double digit : {1.0, 2.0, 5.0})
      if (digit == 1 || (few && power < to)) marks_.push_back(digit * std::pow(10, power));
  low_ = std::log10(marks_.front()), high_ = std::log10(marks_.back());
}

double Scale::place(double value) const {
  const double at = axis_.log && axis_.names.empty() ? std::log10(value) : value;
  return first_ + (last_ - first_) * (at - low_) / (high_ - low_);
}

std::string Scale::text(double mark) const {
  if (!axis_.names.empty()) return axis_.names[static_cast<std::size_t>(std::lround(mark))];
  char text[48];
  const double shown = axis_.percent ? 100 * mark : mark;
  if (axis_.log)
    std::snprintf(text, sizeof text, "%.6g", shown);
  else if (std::abs(shown) >= 1e7)
    std::snprintf(text, sizeof text, "%.4g", shown);
  else
    std::snprintf(text, sizeof text, "%.*f", std::min(digits_, 9), shown == 0 ? 0.0 : shown);
  return std::string(text) + (axis_.percent ? " %" : "");
}

bool Scale::drawable(const ChartAxis& axis, double value) {
  return std::isfinite(value) && (!axis.log || value > 0);
}

// With wanted[i] - i * distance in place of wanted[i], "at least so far apart" becomes "not
// falling", and the nearest such sequence is found by pooling neighbours that are out of order.
std::vector<double> spread(std::vector<double> wanted, double distance, double low, double high) {
  struct Pool {
    double sum;
    int count;
    double mean() const { return sum / count; }
  };
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    pools.push_back({wanted[i] - static_cast<double>(i) * distance, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean() > pools.back().mean()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().sum += last.sum, pools.back().count += last.count;
    }
  }
  const double top = high - (static_cast<double>(wanted.size()) - 1) * distance;
  std::size_t i = 0;
  for (const Pool& pool : pools)
    for (int k = 0; k < pool.count; ++k, ++i)
      wanted[i] = std::max(low, std::min(pool.mean(), top)) + static_cast<double>(i) * distance;
  return wanted;
}

}  // namespace espalier::charts
