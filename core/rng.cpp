// The generator and its distributions. Compiled without contraction of multiply and add, so that
// the numbers do not depend on the processor either; the logarithm is ours for the same reason.
#include "core/rng.h"

#include <cmath>

namespace espalier {
namespace {

std::uint64_t splitmix(std::uint64_t& state) { return mix_bits(state += kMixStep); }

std::uint64_t rotate(std::uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

// Natural logarithm of a normal x > 0 by the series of atanh on the mantissa in [1/sqrt2, sqrt2).
double logarithm(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // exact
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --exponent;
  }
  const double t = (mantissa - 1) / (mantissa + 1);
  const double t2 = t * t;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
  return exponent * 0.69314718055994531 + 2 * t * sum;
}

}  // namespace

Rng::Rng(std::uint64_t seed) : seed_(seed) {
  std::uint64_t s = seed;
  for (auto& word : state_) word = splitmix(s);
}

Rng Rng::split(std::uint64_t stream) const {
  std::uint64_t s = seed_ ^ rotate(stream * 0xd1342543de82ef95u + 0x632be59bd9b4e019u, 23);
  return Rng(splitmix(s));
}

std::uint64_t Rng::next() {
  const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate(state_[3], 45);
  return result;
}

// Lemire (2019): multiply, and reject the few values that would bias the result.
std::uint32_t Rng::below(std::uint32_t n) {
  std::uint64_t product = (next() >> 32) * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t threshold = -n % n;
    while (static_cast<std::uint32_t>(product) < threshold) product = (next() >> 32) * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

float Rng::uniform() { return static_cast<float>(next() >> 40) * 0x1p-24f; }

float Rng::uniform(float low, float high) {
  const float x = low + (high - low) * uniform();
  return x < high ? x : low;  // rounding may reach the open end
}

// Marsaglia's polar method (1964); the second number of the pair is not kept, so that a copy of
// the generator has no state beside the four words.
float Rng::normal() {
  for (;;) {
    const double u = static_cast<double>(next() >> 11) * 0x1p-52 - 1;
    const double v = static_cast<double>(next() >> 11) * 0x1p-52 - 1;
    const double s = u * u + v * v;
    if (s > 0 && s < 1) return static_cast<float>(u * std::sqrt(-2 * logarithm(s) / s));
  }
}

}  // namespace espalier
