// The lines of the input that a chunk reads and the one before it did not: what the weight gradient
// asks for while it computes.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/kernels/gradient_chunk.h"
#include "core/kernels/scratch.h"

namespace espalier {

class InputLines {
 public:
  InputLines(const WeightPass& pass, const ChunkPlan& chunks);
  // Lists the lines of one channel for this chunk.
  void list(int chunk);
  // Offsets in floats. The last is repeated as often as a chunk has positions, for loops that take
  // so many at a time.
  const std::int64_t* lines() const { return lines_.data(); }
  int count() const { return count_; }

 private:
  const WeightPass& pass_;
  const ChunkPlan& chunks_;
  int step_y_, step_x_, width_;  // in pixels; width of a row that is read
  Scratch<std::int64_t> lines_;
  int count_ = 0;
};

}  // namespace espalier
