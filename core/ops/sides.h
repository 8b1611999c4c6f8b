// Options of convolutions and pooling that have a value for each direction, or one for all.
#pragma once

namespace espalier {

// Down and across: `.stride = 2`, `.stride = {2, 1}`.
struct Pair {
  constexpr Pair(int both) : y(both), x(both) {}
  constexpr Pair(int y, int x) : y(y), x(x) {}
  friend bool operator==(const Pair&, const Pair&) = default;

  int y, x;
};

// On each side of the image: `.padding = 1`, `.padding = {1, 0}` (down and across),
// `.padding = {0, 0, 1, 1}`.
struct Sides {
  constexpr Sides(int all) : top(all), left(all), bottom(all), right(all) {}
  constexpr Sides(int y, int x) : top(y), left(x), bottom(y), right(x) {}
  constexpr Sides(int top, int left, int bottom, int right)
      : top(top), left(left), bottom(bottom), right(right) {}
  friend bool operator==(const Sides&, const Sides&) = default;

  int top, left, bottom, right;
};

}  // namespace espalier
