// Mean and variance of a channel in lanes, read from memory once.
#pragma once

#include "core/kernels/planes.h"

namespace espalier {

// Number, mean and sum of squared deviations of a set of values.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  // Of both sets together (Chan, Golub and LeVeque, 1983).
  void join(const Moments& other) {
    const double all = count + other.count, apart = other.mean - mean;
    squares += other.squares + apart * apart * count * other.count / all;
    mean += apart * other.count / all;
    count = all;
  }
};

// The moments of one plane, padding lanes left out. Sums are taken of distances from the mean of
// the first row: as that row is part of the plane, it lies within sqrt(H) standard deviations of
// the plane's mean, and little is lost in subtracting squares, whatever the values.
template <class V>
Moments plane_moments(const Planes& x, std::int64_t block, std::int64_t channel) {
  const Pixels<V> in(x, block, channel);
  const auto live = live_lanes<V>(x, block);
  const double images = static_cast<double>(live_images(x, block));
  V first = {};
  for (std::int64_t px = 0; px < x.width; ++px) first += in(0, px);
  const float near = static_cast<float>(sum(live ? first : V{}) / (images * x.width));

  V total = {}, squares = {};
  for (std::int64_t py = 0; py < x.height; ++py) {
    V row_total = {}, row_squares = {};
    for (std::int64_t px = 0; px < x.width; ++px) {
      const V distance = in(py, px) - near;
      row_total += distance;
      row_squares += distance * distance;
    }
    total += row_total;
    squares += row_squares;
  }
  const double count = images * x.height * x.width, distance = sum(live ? total : V{}) / count;
  return {.count = count,
          .mean = near + distance,
          .squares = std::max(0.0, sum(live ? squares : V{}) - count * distance * distance)};
}

template <class V>
Moments channel_moments(const Planes& x, std::int64_t channel) {
  Moments all;
  for (std::int64_t b = 0; b < x.blocks; ++b) all.join(plane_moments<V>(x, b, channel));
  return all;
}

}  // namespace espalier
