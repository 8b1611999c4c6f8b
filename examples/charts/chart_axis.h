// Axes of a chart: which values are marked and how they are written, where a value lies, and labels
// that keep their distance.
#pragma once

#include <string>
#include <vector>

#include "examples/charts/chart.h"

namespace espalier::charts {

class Scale {
 public:
  // Covers the values and reaches from one mark to another; `first` and `last` are the places in
  // the picture where the axis begins and ends. About `marks` of them.
  Scale(const ChartAxis& axis, const std::vector<double>& values, double first, double last,
        int marks);

  double place(double value) const;
  const std::vector<double>& marks() const { return marks_; }
  std::string text(double mark) const;
  // Whether a value has a place at all.
  static bool drawable(const ChartAxis& axis, double value);

 private:
  void linear(double low, double high, int marks);
  void logarithmic(double low, double high);

  ChartAxis axis_;
  double first_, last_, low_ = 0, high_ = 1;
  int digits_ = 0;
  std::vector<double> marks_;
};

// Places as near to the wanted ones as can be, in the same order, at least `distance` apart and
// within [low, high] where there is room for all. `wanted` is in rising order.
std::vector<double> spread(std::vector<double> wanted, double distance, double low, double high);

}  // namespace espalier::charts
