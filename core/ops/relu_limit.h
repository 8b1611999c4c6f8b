// A bound of what ReLU lets pass: 6 for ReLU6.
#pragma once

#include <limits>

namespace espalier {

inline constexpr float kNoLimit = std::numeric_limits<float>::infinity();

}  // namespace espalier
