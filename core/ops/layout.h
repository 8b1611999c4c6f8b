// From one layout in memory to another, on the tape. The values are the same.
#pragma once

#include "core/tensor.h"

namespace espalier {

Tensor to_layout(const Tensor& x, const Layout& layout);
Tensor to_plain(const Tensor& x);
// Images [N, C, H, W] or features [N, F] in lanes: as they are if they lie so already, else in
// the lanes that fit the batch, with the default halo.
Tensor to_lanes(const Tensor& x);

// The halo that operations give their results: what a 3x3 convolution with padding 1 reads.
inline constexpr int kDefaultHalo = 1;
// Planes of one pixel carry none: they have no neighbours to pad, and would be nine times as big.
int halo_of(std::int64_t height, std::int64_t width, int wanted = kDefaultHalo);

}  // namespace espalier
