// Tiles: small pictures in rows, such as the filters of a first layer, one pixel a weight.
#pragma once

#include <string>
#include <vector>

#include "examples/charts/svg.h"

namespace espalier::charts {

struct Tiles {
  std::string title = {}, subtitle = {};
  int channels = 1, height = 1, width = 1;  // of each; 3 channels are red, green and blue
  struct Tile {
    std::vector<float> values = {};  // [channels][height][width]; empty: one that is not there
    std::string name = {};
  };
  std::vector<Tile> tiles = {};
  int columns = 8;
  bool ink = false;  // 1 channel: from 0, nothing, to 1, one colour in full
};

// Zero is mid-grey, and each tile's largest value, up or down, white or black (of 3 channels, each
// for itself). A tile whose values are all exactly zero is crossed out.
std::string svg(const Tiles& tiles, Place place = Place::File);

}  // namespace espalier::charts
