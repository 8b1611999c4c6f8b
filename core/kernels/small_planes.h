// What the kernels for single images share: an image to read vectors of pixels from, and the way
// from a long row of sums to an output plane.
#pragma once

#include <algorithm>

#include "core/kernels/conv.h"
#include "core/memory.h"
#include "core/simd.h"

namespace espalier {

// The image, copied so that reading a vector from its last pixel stays inside the memory.
class PaddedImage {
 public:
  explicit PaddedImage(const Planes& in)
      : floats_(in.block_stride),
        size_((in.block_stride + kLanes) * sizeof(float)),
        data_(static_cast<float*>(allocate(size_))) {
    std::fill_n(data_ + floats_, kLanes, 0.0f);
  }
  ~PaddedImage() { release(data_, size_); }
  PaddedImage(const PaddedImage&) = delete;
  PaddedImage& operator=(const PaddedImage&) = delete;

  void copy(const float* from) { std::copy_n(from, floats_, data_); }
  const float* data() const { return data_; }

 private:
  std::int64_t floats_;
  std::size_t size_;
  float* data_;
};

// One output plane from the long row: bias, ReLU, and every stride-th pixel of every stride-th row.
inline void write_plane(const SmallConvPass& pass, std::int64_t image, int channel,
                        const float* from) {
  zero_halo(pass.out, image, channel);
  float* plane = pass.out.plane(image, channel);
  const float bias = pass.bias ? pass.bias[channel] : 0;
  for (int y = 0; y < pass.out.height; ++y) {
    const float* row = from + y * pass.stride_y * pass.in.row_stride;
    for (int x = 0; x < pass.out.width; ++x) {
      const float value = row[x * pass.stride_x] + bias;
      const float most = value > pass.relu_limit ? pass.relu_limit : value;
      plane[y * pass.out.row_stride + x] = pass.relu && value < 0 ? 0 : most;
    }
  }
}

}  // namespace espalier
