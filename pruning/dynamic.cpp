// Dropping and growing, layer by layer.
#include "pruning/dynamic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"

namespace espalier::pruning {
namespace {

using Places = std::vector<std::int64_t>;  // elements of a weight
using Mask = std::vector<std::uint8_t>;

Parameter weight_of(const Candidates& list) {
  check(list.structure == Structure::Weight, list.name, ": found a list of ", name(list.structure),
        "s, expected one of weights");
  return list.members.at(0).parameter;
}

void check_share(const char* what, double share, bool one) {
  check(share >= 0 && (one ? share <= 1 : share < 1), what, ": found ", share,
        ", expected a number in [0, 1", one ? "]" : ")");
}

// The `count` places that come first; of equal ones those of lower number.
template <class Key>
void keep_first(Places& places, std::int64_t count, const Key& key) {
  const auto before = [&](std::int64_t a, std::int64_t b) {
    return key(a) != key(b) ? key(a) < key(b) : a < b;
  };
  if (count < static_cast<std::int64_t>(places.size()))
    std::nth_element(places.begin(), places.begin() + count, places.end(), before);
  places.resize(count);
}

void keep_any(Places& places, std::int64_t count, Rng rng) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t left = places.size() - i;
    // The upper bits of a product in place of a remainder: right for any number of places.
    const auto pick =
        static_cast<std::int64_t>((static_cast<unsigned __int128>(rng.next()) * left) >> 64);
    std::swap(places[i], places[i + pick]);
  }
  places.resize(count);
}

void check_finite(const Parameter& weight, const float* values, const char* what) {
  check(std::all_of(values, values + weight.numel(), [](float x) { return std::isfinite(x); }),
        "regrow: found a ", what, " of ", weight.name(),
        " that is no number, expected finite ones");
}

std::int64_t regrow_layer(Parameter weight, const RegrowOptions& options, const Rng& rng) {
  if (!weight.mask()) return 0;
  Mask mask(weight.mask(), weight.mask() + weight.numel());
  Places kept;
  for (std::int64_t i = 0; i < weight.numel(); ++i)
    if (mask[i]) kept.push_back(i);
  const auto have = static_cast<std::int64_t>(kept.size());
  const std::int64_t count = std::min(std::llround(options.fraction * static_cast<double>(have)),
                                      static_cast<long long>(weight.numel() - have));
  if (count == 0) return 0;

  const float* const w = weight.data();
  check_finite(weight, w, "value");
  keep_first(kept, count, [w](std::int64_t i) { return std::abs(w[i]); });
  for (const std::int64_t i : kept) mask[i] = 0;
  Places free;
  for (std::int64_t i = 0; i < weight.numel(); ++i)
    if (!mask[i]) free.push_back(i);
  const Tensor grad = weight.grad();
  if (options.grow == Grow::Gradient) {
    check_finite(weight, grad.data(), "gradient");
    const float* const g = grad.data();
    keep_first(free, count, [g](std::int64_t i) { return -std::abs(g[i]); });
  } else {
    keep_any(free, count, rng);
  }
  weight.set_mask(mask);  // zeroes what was dropped, in state too, also where it grows back
  for (const std::int64_t i : free) mask[i] = 1;
  weight.set_mask(mask);
  return count;
}

}  // namespace

std::vector<double> layer_sparsities(std::span<const Candidates> lists, double sparsity,
                                     Distribution distribution) {
  check_share("sparsity", sparsity, false);
  std::vector<double> density(lists.size(), 1 - sparsity);
  if (distribution == Distribution::ErdosRenyiKernel) {
    std::vector<double> raw;  // density but for a common factor
    double wanted = 0;        // weights
    for (const Candidates& list : lists) {
      const Parameter weight = weight_of(list);
      const std::vector<std::int64_t> sizes = weight.shape().sizes();
      raw.push_back(std::accumulate(sizes.begin(), sizes.end(), 0.0) /
                    static_cast<double>(weight.numel()));
      wanted += (1 - sparsity) * static_cast<double>(weight.numel());
    }
    // A layer that would have more than all its weights is dense; the others share the rest.
    std::vector<bool> dense(lists.size(), false);
    for (bool changed = true; changed;) {
      changed = false;
      double left = wanted, sum = 0;
      for (std::size_t l = 0; l < lists.size(); ++l) {
        const auto count = static_cast<double>(lists[l].count);
        dense[l] ? left -= count : sum += raw[l] * count;
      }
      for (std::size_t l = 0; l < lists.size(); ++l) {
        density[l] = dense[l] ? 1 : raw[l] * left / sum;
        if (density[l] > 1) changed = dense[l] = true;
      }
    }
  }
  for (double& share : density) share = 1 - share;
  return density;
}

void set_masks_at_random(std::span<const Candidates> lists, std::span<const double> sparsities,
                         std::uint64_t seed) {
  check(lists.size() == sparsities.size(), "masks at random: found ", sparsities.size(),
        " sparsities, expected one for each of ", lists.size(), " layers");
  for (std::size_t l = 0; l < lists.size(); ++l) {
    check_share("sparsity", sparsities[l], false);
    check(!weight_of(lists[l]).mask(), "masks at random: found a mask on ", lists[l].name,
          " already, expected none");
  }
  for (std::size_t l = 0; l < lists.size(); ++l) {
    Parameter weight = weight_of(lists[l]);
    Places go(static_cast<std::size_t>(weight.numel()));
    std::iota(go.begin(), go.end(), 0);
    const auto count = std::llround(sparsities[l] * static_cast<double>(weight.numel()));
    keep_any(go, std::min<std::int64_t>(count, weight.numel() - 1), Rng(seed).split(l));
    Mask mask(static_cast<std::size_t>(weight.numel()), 1);
    for (const std::int64_t i : go) mask[i] = 0;
    weight.set_mask(mask);
  }
}

DenseGradients::DenseGradients(std::span<const Candidates> lists) {
  for (const Candidates& list : lists) weights_.push_back(weight_of(list));
  for (Parameter& weight : weights_) weight.set_dense_gradient(true);
}

DenseGradients::~DenseGradients() {
  for (Parameter& weight : weights_) weight.set_dense_gradient(false);
}

std::int64_t regrow(std::span<const Candidates> lists, const RegrowOptions& options) {
  check_share("fraction to regrow", options.fraction, true);
  for (const Candidates& list : lists) {
    const Parameter weight = weight_of(list);
    check(options.grow == Grow::Random || !weight.mask() ||
              (weight.dense_gradient() && weight.grad().defined()),
          "regrow: found no dense gradient of ", list.name,
          ", expected a backward pass under DenseGradients");
  }
  std::int64_t dropped = 0;
  for (std::size_t l = 0; l < lists.size(); ++l)
    dropped += regrow_layer(weight_of(lists[l]), options, Rng(options.seed).split(l));
  return dropped;
}

double rigl_fraction(double t, double begin, double end, double start) {
  check_share("fraction to regrow", start, true);
  check(begin < end, "fraction to regrow: found steps from ", begin, " to ", end,
        ", expected the end after the beginning");
  if (t < begin || t >= end) return 0;
  return start / 2 * (1 + std::cos(std::numbers::pi * (t - begin) / (end - begin)));
}

}  // namespace espalier::pruning
