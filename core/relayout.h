// Copies between row-major order and lanes, and between lanes of different width or halo.
#pragma once

#include "core/layout.h"

namespace espalier {

// Writes every plane of `to` whole: interior, halo (zeros), and padding lanes (zeros).
void plain_to_lanes(const float* from, const Planes& to);
void lanes_to_plain(const Planes& from, float* to);
// As above, but adds to what is there; halo and padding lanes stay as they are.
void add_plain_to_lanes(const float* from, const Planes& to);
void add_lanes_to_plain(const Planes& from, float* to);
void lanes_to_lanes(const Planes& from, const Planes& to, bool add);

}  // namespace espalier
