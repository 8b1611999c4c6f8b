// Chart: lines over two axes as an SVG picture that needs nothing else: no fonts, scripts or style
// sheets from elsewhere. It follows the reader's light or dark scheme, and tells lines apart by
// colour, dashes and marks, so that one of them is enough.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "examples/charts/svg.h"

namespace espalier::charts {

struct ChartPoint {
  double x = 0, y = 0;
};

struct ChartSeries {
  std::string name = {};  // at the line's end; empty: none
  std::vector<ChartPoint> points = {};
  bool line = true;  // else marks alone, each with a stem that hangs from the chart's level
};

struct ChartAxis {
  std::string label = {};
  bool percent = false;  // 0.5 is written "50 %"
  bool log = false;      // values above 0
  // A value that has to be on the axis beside those of the points; not a number: none.
  double include = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::string> names = {};  // x only: of the places 0, 1, 2, ... instead of numbers
};

struct Chart {
  std::string title = {}, subtitle = {};
  ChartAxis x = {}, y = {};
  std::vector<ChartSeries> series = {};
  double level = std::numeric_limits<double>::quiet_NaN();  // a dashed line across, at this y
  std::string level_name = {};
  double width = 560, height = 380;  // of the plot, in pixels
};

// The picture as text. Values that are no finite numbers, or not above 0 on a log axis, interrupt
// their line. An Error where no point can be drawn.
std::string svg(const Chart& chart, Place place = Place::File);

}  // namespace espalier::charts
