// Layout: how a tensor lies in memory beneath its logical shape.
//
// Plain is row-major. In the lanes layout the images of a batch lie side by side in the SIMD
// lanes: [blocks][C][H + 2 halo][W + 2 halo][lanes], with blocks = ceil(N / lanes). Every load of a
// convolution, dense or sparse, is then one aligned vector, whatever the number of channels is left
// over by pruning. Features [N, F] lie as [F][blocks * lanes], images innermost: a matrix that BLAS
// takes as it is.
//
// Three rules hold for every tensor in lanes:
//   the halo is zero, in values and in gradients (convolution needs no edge branches), and so is
//   what planes without one may have behind them to keep apart in the caches;
//   values in padding lanes (images from N on) are finite but mean nothing;
//   gradients in padding lanes are zero (sums over all lanes are then right).
#pragma once

#include <cstdint>

#include "core/shape.h"

namespace espalier {

// Floats in a vector register of this build: 16, 8 or 4.
int simd_lanes();

struct Layout {
  int lanes = 0;  // 0: plain
  int halo = 0;   // zeroed pixels around each plane

  bool plain() const { return lanes == 0; }
  friend bool operator==(const Layout&, const Layout&) = default;

  // Lanes for a batch. Small batches that need no gradient keep one image a block instead of
  // filling the other lanes with nothing.
  static Layout for_batch(std::int64_t images, bool with_gradient, int halo);
};

// Floats that a tensor of this shape takes in this layout.
std::int64_t storage_size(const Shape& shape, const Layout& layout);

// A tensor in lanes as kernels see it: strides in floats. Features [N, F] are seen as F channels of
// one pixel each.
struct Planes {
  float* data = nullptr;
  std::int64_t images = 0;  // N, without padding
  int blocks = 0, channels = 0, height = 0, width = 0, lanes = 0, halo = 0;
  std::int64_t block_stride = 0, channel_stride = 0, row_stride = 0;

  // Pixel (0, 0) of a plane; pixels of the halo lie at negative coordinates.
  float* plane(std::int64_t block, std::int64_t channel) const {
    return data + block * block_stride + channel * channel_stride + halo * (row_stride + lanes);
  }
};
Planes planes_of(float* data, const Shape& shape, const Layout& layout);

// Copies the values of a tensor of this shape into another layout, with zeros in its halo and its
// padding lanes; with `add`, adds them to what is there, and halo and padding lanes stay as they
// are.
void relayout(const Shape& shape, const float* from, const Layout& from_layout, float* to,
              const Layout& to_layout, bool add = false);

// Writes zeros around one plane, wherever its channel has memory that holds no pixel.
void zero_halo(const Planes& planes, std::int64_t block, std::int64_t channel);

}  // namespace espalier
