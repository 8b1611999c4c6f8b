// Responses: what the units of a group answer to pictures, read where a layer's output lies in
// lanes. For the criteria's own files (it includes core/simd.h).
#pragma once

#include <functional>
#include <vector>

#include "core/kernels/planes.h"
#include "core/ops/layout.h"
#include "pruning/criteria/evidence.h"
#include "pruning/sets.h"

namespace espalier::pruning {

// One number for each channel of each picture.
struct PerImage {
  std::int64_t channels = 0, images = 0, pixels = 0;
  std::vector<float> values;  // [channels][images]

  const float* of(std::int64_t channel) const { return values.data() + channel * images; }
};

// The sums of pixel(x) over the pixels of each plane of x [N, C, H, W] or [N, C]. `pixel` takes
// vectors and floats alike (core/kernels/planes.h); padding lanes are left out.
template <class Pixel>
PerImage sum_pixels(const Tensor& x, const Pixel& pixel) {
  const Tensor lanes = to_lanes(x);
  const Planes p = lanes.planes();
  PerImage sums{p.channels, p.images, std::int64_t{p.height} * p.width, {}};
  sums.values.resize(static_cast<std::size_t>(sums.channels * sums.images));
  with_element(p.lanes, [&](auto element) {
    using V = decltype(element);
    for_each_plane(p, [&](std::int64_t block, std::int64_t channel) {
      const Pixels<V> in(p, block, channel);
      V total = {};
      // Row by row: shorter sums lose less.
      for (std::int64_t y = 0; y < p.height; ++y) {
        V row = {};
        for (std::int64_t px = 0; px < p.width; ++px) row += pixel(in(y, px));
        total += row;
      }
      const float* lane = reinterpret_cast<const float*>(&total);
      std::copy_n(lane, live_images(p, block),
                  sums.values.data() + channel * sums.images + block * p.lanes);
    });
  });
  return sums;
}

// Calls see(list, view, output) for each view of each list and each batch, in the order in which
// the network runs. An error where a view's layer does not run.
void each_view(std::span<const Candidates> lists, Evidence& evidence,
               const std::function<void(std::size_t list, std::size_t view, const Tensor& output,
                                        const Examples& batch)>& see);

}  // namespace espalier::pruning
