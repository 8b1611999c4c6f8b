// The Fisher information F = damping I + mean of g g^T of neighbouring weights, in blocks on the
// diagonal, and what optimal brain surgeon asks of its inverse. The algebra alone: where gradients
// come from is obs.cpp's.
//
// WoodFisher (Singh and Alistarh, 2020) builds the inverse picture by picture with the Woodbury
// identity. The same matrix comes out here, but F is summed up and each block inverted once: the
// recursion starts from 1 / damping and loses in float what lies that far below.
#pragma once

#include <cstdint>
#include <memory>

namespace espalier::pruning {

class BlockFisher {
 public:
  // Blocks of `block` neighbours, the last one perhaps smaller. Takes elements * block floats.
  BlockFisher(std::int64_t elements, int block, double damping);

  std::int64_t elements() const { return elements_; }

  // Adds g g^T of `count` gradients, each [elements] and `stride` floats behind the one before.
  void add(const float* gradients, std::int64_t count, std::int64_t stride);
  // Once all are there: turns F into its inverse. False where a block has none in floats: then the
  // damping is too small for these gradients, or they are not finite.
  bool invert();

  // The rest needs the inverse. [F^-1]_ii.
  double inverse_diagonal(std::int64_t i) const;
  // Of the weights where `mask` is 1 (null: everywhere) those that are not kept become 0, and those
  // that are move to where the loss of the quadratic model 1/2 dw^T F dw is least:
  // dw = -(F^-1)_{:,S} ((F^-1)_{S,S})^-1 w_S with S all that go. False as above.
  bool remove(float* weights, const std::uint8_t* mask, const std::uint8_t* kept) const;

 private:
  float* block(std::int64_t b) const { return values_.get() + b * block_ * block_; }
  std::int64_t blocks() const { return (elements_ + block_ - 1) / block_; }
  std::int64_t size(std::int64_t b) const;

  std::int64_t elements_;
  std::int64_t block_;
  double damping_;
  std::int64_t count_ = 0;           // gradients
  std::unique_ptr<float[]> values_;  // [blocks][block][block]
};

}  // namespace espalier::pruning
