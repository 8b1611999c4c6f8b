// Random numbers: the very numbers of the published generators, and the moments of distributions.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "core/rng.h"

namespace espalier {
namespace {

TEST_CASE("rng: the first numbers are those of xoshiro256** seeded through SplitMix64") {
  struct Known {
    std::uint64_t seed;
    std::array<std::uint64_t, 4> first;
  };
  const Known all[] = {
      {0, {0x99ec5f36cb75f2b4u, 0xbf6e1f784956452au, 0x1a5f849d4933e6e0u, 0x6aa594f1262d2d2cu}},
      {42, {0x15780b2e0c2ec716u, 0x6104d9866d113a7eu, 0xae17533239e499a1u, 0xecb8ad4703b360a1u}},
      {~0u * std::uint64_t{0x100000001},
       {0x8f5520d52a7ead08u, 0xc476a018caa1802du, 0x81de31c0d260469eu, 0xbf658d7e065f3c2fu}}};
  for (const Known& known : all) {
    Rng rng(known.seed);
    for (const std::uint64_t expected : known.first) CHECK(rng.next() == expected);
  }
  CHECK(mix_bits(kMixStep) == 0xe220a8397b1dcdafu);  // SplitMix64's first number from 0
}

TEST_CASE("rng: distributions give known first numbers") {
  Rng normal(7), uniform(8), below(9);
  for (const double expected :
       {0.9643618527255184, -0.3039301238656567, 0.30479435832638674, -1.7010190714940672})
    CHECK(normal.normal() == static_cast<float>(expected));
  for (const int expected : {13774672, 10145433, 10039488, 15828903})
    CHECK(uniform.uniform() == static_cast<float>(expected) / 16777216);
  for (const std::uint32_t expected : {0, 2, 1, 7, 9, 7, 6, 5, 1, 4, 7, 9})
    CHECK(below.below(10) == expected);
}

// Mean, variance, skewness and kurtosis of `count` numbers.
template <class Draw>
std::array<double, 4> moments(int count, const Draw& draw) {
  std::vector<double> x(static_cast<std::size_t>(count));
  for (double& value : x) value = draw();
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
  std::array<double, 5> central = {};
  for (const double value : x)
    for (int power = 2; power <= 4; ++power)
      central[power] += std::pow(value - mean, power) / count;
  const double deviation = std::sqrt(central[2]);
  return {mean, central[2], central[3] / std::pow(deviation, 3),
          central[4] / std::pow(deviation, 4)};
}

TEST_CASE("rng: moments of the uniform and the normal distribution") {
  constexpr int kCount = 100'000;
  const double noise = 1 / std::sqrt(kCount);
  Rng rng(1);
  const auto uniform = moments(kCount, [&] { return rng.uniform(); });
  CHECK(std::abs(uniform[0] - 0.5) < 4 * noise * std::sqrt(1.0 / 12));
  CHECK(std::abs(uniform[1] - 1.0 / 12) < 4 * noise * std::sqrt(1.0 / 180));
  CHECK(std::abs(uniform[3] - 1.8) < 0.02);
  const auto normal = moments(kCount, [&] { return rng.normal(); });
  CHECK(std::abs(normal[0]) < 4 * noise);
  CHECK(std::abs(normal[1] - 1) < 4 * noise * std::sqrt(2));
  CHECK(std::abs(normal[2]) < 4 * noise * std::sqrt(6));
  CHECK(std::abs(normal[3] - 3) < 4 * noise * std::sqrt(24));
  double beyond = 0;  // of three standard deviations: 0.27 %
  for (int i = 0; i < kCount; ++i) beyond += std::abs(rng.normal()) > 3;
  CHECK(std::abs(beyond / kCount - 0.0027) < 4 * noise * std::sqrt(0.0027));
}

TEST_CASE("rng: uniform numbers stay in their interval") {
  Rng rng(2);
  const float tiny = 1.0f + 0x1p-23f;
  std::int64_t outside = 0;
  for (int i = 0; i < 10'000; ++i) {
    const float x = rng.uniform(), y = rng.uniform(-3, 5), z = rng.uniform(1, tiny);
    outside += x < 0 || x >= 1 || x * 16777216 != std::floor(x * 16777216);
    outside += y < -3 || y >= 5;
    outside += z != 1;  // the only float there
  }
  CHECK(outside == 0);
}

// The largest count of a cell, in standard deviations from its mean.
template <class Key>
double worst_cell(const std::map<Key, int>& counts, std::size_t cells, int draws) {
  CHECK(counts.size() == cells);
  const double p = 1.0 / static_cast<double>(cells), deviation = std::sqrt(draws * p * (1 - p));
  double worst = 0;
  for (const auto& [key, count] : counts)
    worst = std::max(worst, std::abs(count - draws * p) / deviation);
  return worst;
}

TEST_CASE("rng: whole numbers below a bound are equally likely") {
  Rng rng(3);
  for (const std::uint32_t bound : {1u, 2u, 3u, 10u, 100u}) {
    std::map<std::uint32_t, int> counts;
    for (int i = 0; i < 20'000; ++i) ++counts[rng.below(bound)];
    CHECK(counts.rbegin()->first == bound - 1);
    CHECK(worst_cell(counts, bound, 20'000) < 4.5);
  }
  // A bound where one multiplication alone would prefer every third number by a half.
  const std::uint32_t large = 0xC0000000u;
  int low = 0, outside = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint32_t x = rng.below(large);
    outside += x >= large;
    low += x % 3 == 0;
  }
  CHECK(outside == 0);
  CHECK(std::abs(low - 20'000 / 3.0) < 4.5 * std::sqrt(20'000 * 2 / 9.0));
}

TEST_CASE("rng: a shuffle is a permutation, each equally likely") {
  Rng rng(4);
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 24'000; ++i) {
    std::vector<int> order = {0, 1, 2, 3};
    rng.shuffle(order.data(), 4);
    ++counts[order];
  }
  CHECK(worst_cell(counts, 24, 24'000) < 4.5);
  std::vector<int> many(1000), sorted;
  std::iota(many.begin(), many.end(), 0);
  sorted = many;
  rng.shuffle(many.data(), 1000);
  CHECK(many != sorted);
  std::sort(many.begin(), many.end());
  CHECK(many == sorted);
  rng.shuffle(many.data(), 0);  // nothing to do
  rng.shuffle(many.data(), 1);
}

TEST_CASE("rng: a copy goes on by itself from the same place") {
  Rng rng(5);
  rng.next();
  Rng copy = rng;
  const auto expected = rng.next();
  rng.next();
  CHECK(copy.next() == expected);
}

TEST_CASE("rng: what is split off depends on seed and stream, not on what was drawn") {
  Rng rng(6);
  Rng before = rng.split(3);
  for (int i = 0; i < 10; ++i) rng.next();
  Rng after = rng.split(3);
  CHECK(before.next() == after.next());
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t stream = 0; stream < 50; ++stream) {
      first.insert(Rng(seed).split(stream).next());
      first.insert(Rng(seed).split(stream).split(stream).next());
    }
  CHECK(first.size() == 2000);
}

TEST_CASE("rng: streams, and seeds, that are neighbours are not correlated") {
  constexpr int kCount = 20'000;
  const auto correlation = [](Rng a, Rng b) {
    double sum = 0;
    for (int i = 0; i < kCount; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5) * 12;
    return sum / kCount;
  };
  const Rng rng(7);
  const double bound = 4 / std::sqrt(kCount);
  CHECK(std::abs(correlation(rng.split(0), rng.split(1))) < bound);
  CHECK(std::abs(correlation(rng, rng.split(0))) < bound);
  CHECK(std::abs(correlation(Rng(0), Rng(1))) < bound);
  CHECK(std::abs(correlation(Rng(8).split(0), rng.split(0))) < bound);
  // Also along streams: the first number of each.
  std::uint64_t stream = 0;
  const auto first_numbers = moments(kCount, [&] { return rng.split(stream++).uniform(); });
  CHECK(std::abs(first_numbers[0] - 0.5) < 4 * std::sqrt(1.0 / 12 / kCount));
  CHECK(std::abs(first_numbers[1] - 1.0 / 12) < 4 * std::sqrt(1.0 / 180 / kCount));
}

}  // namespace
}  // namespace espalier
