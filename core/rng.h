// Random numbers: an explicit generator with distributions of our own, so that a seed gives the
// same numbers with every compiler and standard library.
#pragma once

#include <cstdint>
#include <utility>

namespace espalier {

// SplitMix64 (Steele, Lea and Flood, 2014): mix_bits of start + i * kMixStep, for i = 1, 2, ..., is
// a sequence of random numbers of which each can be had without the others.
inline constexpr std::uint64_t kMixStep = 0x9e3779b97f4a7c15u;
inline std::uint64_t mix_bits(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64. Cheap to copy; a copy
// continues on its own from the same place.
class Rng {
 public:
  explicit Rng(std::uint64_t seed = 0);

  // An independent generator for one purpose (an epoch, an image, a layer): depends on the seed
  // and the stream number only, not on how many numbers were drawn from this one.
  Rng split(std::uint64_t stream) const;

  std::uint64_t next();                  // 64 random bits
  std::uint32_t below(std::uint32_t n);  // uniform in [0, n); n > 0
  float uniform();                       // uniform in [0, 1), a multiple of 2^-24
  float uniform(float low, float high);  // uniform in [low, high)
  float normal();                        // mean 0, standard deviation 1

  // Fisher-Yates shuffle of count elements.
  template <class T>
  void shuffle(T* values, std::uint32_t count) {
    for (std::uint32_t i = count; i > 1; --i) {
      std::swap(values[i - 1], values[below(i)]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_[4];
};

}  // namespace espalier
