// The lines of the input that a chunk reads and the one before it did not: what the weight gradient
// asks for while it computes.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/kernels/gradient_chunk.h"
#include "core/kernels/scratch.h"

namespace espalier {

// A few of them, for each position that a tile computes.
struct Ahead {
  static constexpr int kLines = 2;
  const float* base;
  const std::int64_t* at;
};

class InputLines {
 public:
  InputLines(const WeightPass& pass, const ChunkPlan& chunks);
  // Lists the lines of one channel for this chunk.
  void list(int chunk);
  // How many tiles it takes to ask for all of them.
  int parts() const { return parts_; }
  Ahead part(const float* channel, int i) const { return {channel, lines_.data() + i * part_}; }

 private:
  const WeightPass& pass_;
  const ChunkPlan& chunks_;
  int step_y_, step_x_, width_;  // in pixels; width of a row that is read
  std::int64_t part_;            // lines
  Scratch<std::int64_t> lines_;  // offsets in floats, filled up to whole parts
  int parts_ = 0;
};

}  // namespace espalier
