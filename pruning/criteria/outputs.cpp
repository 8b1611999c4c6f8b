// Criteria of what flows through the layers, read where it lies in lanes. All pictures count alike,
// whatever their batches.
//
// Those of information theory take the mean of a unit's output on a picture as its response to it;
// responses are sorted into bins of equal width between the smallest and the largest of the unit
// (after Luo and Wu, 2017). A unit that answers every picture alike has one bin and tells nothing.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "core/error.h"
#include "core/kernels/moments.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"
#include "pruning/candidates.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

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

// The classes of all pictures, as numbers from 0 on.
struct Classes {
  explicit Classes(const Evidence& evidence) {
    std::map<std::int32_t, int> known;
    for (const Examples& batch : evidence.batches())
      for (const std::int32_t label : batch.labels)
        of.push_back(known.emplace(label, static_cast<int>(known.size())).first->second);
    count = static_cast<int>(known.size());
  }
  std::vector<int> of;
  int count = 0;
};

// A criterion of the layers that show units. see(output, the unit of each of its channels, units)
// puts what a batch tells into the T of each unit; the score is the mean over the layers of
// value(T, classes of the pictures).
template <class T, class See, class Value>
Criterion of_outputs(const char* name, const See& see, const Value& value) {
  struct View {
    std::size_t list;
    const layers::Shown* shown;
    std::vector<T> units;
  };
  const auto score = [=](std::span<const Candidates> lists, Evidence& evidence) {
    std::vector<View> views;
    std::vector<Scores> all;
    for (const Candidates& list : lists) {
      check(!list.shown_by.empty(), list.name,
            ": found no layer that shows its units, expected at least one");
      for (const layers::Shown& shown : list.shown_by)
        views.push_back({all.size(), &shown, std::vector<T>(list.count)});
      all.emplace_back(list.count, 0);
    }
    std::set<std::string> ran;
    evidence.each_output(
        [&](const layers::Module& layer, const Tensor&, const Tensor& output, const Examples&) {
          ran.insert(layer.name());
          for (View& view : views) {
            if (view.shown->layer != layer.name()) continue;
            const std::int64_t expected = std::ssize(*view.shown->units);
            check(output.size(1) == expected, layer.name(), ": found ", output.size(1),
                  " outputs, expected ", expected, " for the units of ", lists[view.list].name);
            see(output, view.shown->units, view.units);
          }
        });
    const Classes classes(evidence);
    for (const View& view : views) {
      check(ran.contains(view.shown->layer), view.shown->layer,
            ": found no output, expected a layer that runs");
      const auto count = static_cast<double>(lists[view.list].shown_by.size());
      parallel_for(std::ssize(view.units), [&](std::int64_t u) {
        all[view.list][u] += value(view.units[u], classes) / count;
      });
    }
    return all;
  };
  return checked(
      {.name = name,
       .score = score,
       .refuses = only({Neuron, Filter},
                       ", which have no output of their own, expected neurons or filters"),
       .needs_data = true});
}

struct Mean {
  double sum = 0, count = 0;

  // The pictures of one channel.
  void add(const PerImage& sums, std::int64_t channel) {
    const float* values = sums.of(channel);
    for (std::int64_t n = 0; n < sums.images; ++n) sum += static_cast<double>(values[n]);
    count += static_cast<double>(sums.images * sums.pixels);
  }
  double value() const { return sum / count; }
};

// The mean of pixel(output) over pictures, channels of the unit and pixels.
template <class Pixel>
Criterion output_mean(const char* name, const Pixel& pixel) {
  return of_outputs<Mean>(
      name,
      [pixel](const Tensor& output, const SliceUnits& units, std::vector<Mean>& means) {
        const PerImage sums = sum_pixels(output, pixel);
        for (std::int64_t c = 0; c < sums.channels; ++c)
          if ((*units)[c] >= 0) means[(*units)[c]].add(sums, c);
      },
      [](const Mean& mean, const Classes&) { return mean.value(); });
}

// Of vectors and floats.
constexpr auto kAbsolute = [](auto x) { return x < decltype(x){} ? -x : x; };
constexpr auto kIsNotZero = [](auto x) {
  return x != decltype(x){} ? splat<decltype(x)>(1) : decltype(x){};
};

// Few enough that a thousand pictures fill the cells of 16 bins and 10 classes: with P pictures,
// chance alone gives mutual information of about (bins - 1) (classes - 1) / (2 P ln 2) bits.
constexpr int kBins = 16;

double entropy_of(const std::vector<std::int64_t>& counts) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0L));
  double bits = 0;
  for (const std::int64_t count : counts)
    if (count > 0) {
      const double p = static_cast<double>(count) / total;
      bits -= p * std::log2(p);
    }
  return bits;
}

double response_entropy(const std::vector<int>& bins, const Classes&) {
  std::vector<std::int64_t> counts(kBins, 0);
  for (const int bin : bins) ++counts[bin];
  return entropy_of(counts);
}

// I(R; Y) = H(R) + H(Y) - H(R, Y)
double information(const std::vector<int>& bins, const Classes& classes) {
  std::vector<std::int64_t> of_classes(classes.count, 0);
  std::vector<std::int64_t> joint(static_cast<std::size_t>(classes.count) * kBins, 0);
  for (std::size_t n = 0; n < bins.size(); ++n) {
    ++of_classes[classes.of[n]];
    ++joint[static_cast<std::size_t>(classes.of[n]) * kBins + bins[n]];
  }
  const double bits = response_entropy(bins, classes) + entropy_of(of_classes) - entropy_of(joint);
  return std::max(0.0, bits);  // rounding
}

// The measure of a unit's responses in bins. No number where a response is none.
template <class Measure>
Criterion of_responses(const char* name, const Measure& measure) {
  using Responses = std::vector<float>;  // to each picture
  return of_outputs<Responses>(
      name,
      [](const Tensor& output, const SliceUnits& units, std::vector<Responses>& responses) {
        const PerImage sums = sum_pixels(output, [](auto x) { return x; });
        const auto channels = slices_by_unit(units, std::ssize(responses));
        for (std::size_t u = 0; u < responses.size(); ++u)
          for (std::int64_t n = 0; n < sums.images; ++n) {
            float sum = 0;
            for (const std::int64_t c : channels[u]) sum += sums.of(c)[n];
            responses[u].push_back(sum / static_cast<float>(sums.pixels * std::ssize(channels[u])));
          }
      },
      [measure](const Responses& responses, const Classes& classes) {
        if (!std::all_of(responses.begin(), responses.end(),
                         [](float r) { return std::isfinite(r); }))
          return std::nan("");
        const auto [low, high] = std::minmax_element(responses.begin(), responses.end());
        const double first = *low, width = (static_cast<double>(*high) - first) / kBins;
        std::vector<int> bins;
        for (const float r : responses)
          bins.push_back(width > 0 ? std::min(kBins - 1, static_cast<int>((r - first) / width))
                                   : 0);
        return measure(bins, classes);
      });
}

}  // namespace

Criterion activation() { return output_mean("activation", kAbsolute); }

Criterion apoz() { return output_mean("apoz", kIsNotZero); }

Criterion variance() {
  return of_outputs<Moments>(
      "variance",
      [](const Tensor& output, const SliceUnits& units, std::vector<Moments>& moments) {
        const Tensor lanes = to_lanes(output);
        const Planes planes = lanes.planes();
        std::vector<Moments> channels(planes.channels);
        with_element(planes.lanes, [&](auto element) {
          for_each_channel(planes, [&](std::int64_t c) {
            channels[c] = channel_moments<decltype(element)>(planes, c);
          });
        });
        for (std::int64_t c = 0; c < planes.channels; ++c)
          if ((*units)[c] >= 0) moments[(*units)[c]].join(channels[c]);
      },
      [](const Moments& m, const Classes&) { return m.squares / m.count; });
}

Criterion entropy() { return of_responses("entropy", response_entropy); }

Criterion mutual_information() { return of_responses("mutual-information", information); }

Criterion weighted() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    std::map<std::string, std::vector<Mean>> inputs;  // of |input|, by layer and channel
    for (const Candidates& list : lists)
      for (const Member& member : list.members)
        if (counts(list, member) && member.part == Part::Weight) inputs[member.layer] = {};
    evidence.each_output(
        [&](const layers::Module& layer, const Tensor& input, const Tensor&, const Examples&) {
          const auto found = inputs.find(layer.name());
          if (found == inputs.end()) return;
          const PerImage sums = sum_pixels(input, kAbsolute);
          found->second.resize(sums.channels);
          for (std::int64_t c = 0; c < sums.channels; ++c) found->second[c].add(sums, c);
        });
    return sums_of(lists, [&](const Member& member, Scores& scores) {
      if (member.part != Part::Weight) return;
      const Parameter& weight = member.parameter;
      std::vector<double> input;
      for (const Mean& mean : inputs[member.layer]) input.push_back(mean.value());
      const std::int64_t channels = weight.size(1);  // of a group
      const std::int64_t taps = weight.numel() / (weight.size(0) * channels);
      const std::int64_t group = weight.size(0) * channels / std::ssize(input);  // its outputs
      const float* w = weight.data();
      add_each(member, scores, [&](std::int64_t i) {
        const std::int64_t first = i / (taps * channels) / group * channels;
        return std::abs(static_cast<double>(w[i])) * input[first + i / taps % channels];
      });
    });
  };
  return checked({.name = "weighted", .score = score, .needs_data = true});
}

}  // namespace espalier::pruning
