// Bars: values side by side, from zero on, each with its figure in words.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "examples/charts/svg.h"

namespace espalier::charts {

struct Bar {
  std::string name = {};  // on its left; may be empty
  double value = 0;
  std::string text = {};  // at its end
  std::size_t colour = 0;
};

// Bars that belong together stand close to each other, below a heading where there is one.
struct BarGroup {
  std::string name = {};
  std::vector<Bar> bars = {};
};

struct Bars {
  std::string title = {}, subtitle = {};
  std::vector<BarGroup> groups = {};
  // What a bar from end to end stands for, drawn behind each; not a number: the largest of the
  // group, and nothing behind.
  double whole = std::numeric_limits<double>::quiet_NaN();
  struct Key {
    std::string name = {};
    std::size_t colour = 0;
  };
  std::vector<Key> keys = {};  // what the colours mean, above the bars
  double width = 420;          // of the picture, in pixels
};

// The picture as text. Values that are negative or no finite numbers have no bar, but their words.
std::string svg(const Bars& bars, Place place = Place::File);

}  // namespace espalier::charts
