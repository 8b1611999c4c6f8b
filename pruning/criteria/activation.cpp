// Criteria of what flows through the layers: all pictures count alike, whatever their batches.
#include <map>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/kernels/moments.h"
#include "pruning/criteria/responses.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

constexpr const char* kNoOutput = "output of their own";

// One value of T for each unit of each view of each list.
template <class T>
using ByView = std::vector<std::vector<std::vector<T>>>;

template <class T>
ByView<T> by_view(std::span<const Candidates> lists) {
  ByView<T> all;
  for (const Candidates& list : lists)
    all.emplace_back(list.shown_by.size(), std::vector<T>(list.count));
  return all;
}

// The mean over the views of value(what was gathered of a unit there).
template <class T, class Value>
std::vector<Scores> mean_of_views(const ByView<T>& gathered, const Value& value) {
  std::vector<Scores> all;
  for (const auto& views : gathered) {
    Scores scores(views.at(0).size(), 0);
    for (const std::vector<T>& units : views)
      for (std::size_t u = 0; u < units.size(); ++u)
        scores[u] += value(units[u]) / static_cast<double>(views.size());
    all.push_back(scores);
  }
  return all;
}

Criterion of_outputs(
    const char* name,
    const std::function<std::vector<Scores>(std::span<const Candidates>, Evidence&)>& score) {
  return checked({.name = name,
                  .score = score,
                  .refuses = [](Structure s) { return only_units(s, kNoOutput); },
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
  return of_outputs(name, [pixel](std::span<const Candidates> lists, Evidence& evidence) {
    ByView<Mean> means = by_view<Mean>(lists);
    each_view(lists, evidence,
              [&](std::size_t l, std::size_t v, const Tensor& output, const Examples&) {
                const PerImage sums = sum_pixels(output, pixel);
                const SliceUnits& units = lists[l].shown_by[v].units;
                for (std::int64_t c = 0; c < sums.channels; ++c)
                  if ((*units)[c] >= 0) means[l][v][(*units)[c]].add(sums, c);
              });
    return mean_of_views(means, [](const Mean& mean) { return mean.value(); });
  });
}

struct Absolute {
  template <class V>
  V operator()(V x) const {
    return x < V{} ? -x : x;
  }
};

struct IsNotZero {
  template <class V>
  V operator()(V x) const {
    return x != V{} ? splat<V>(1) : V{};
  }
};

}  // namespace

Criterion activation() { return output_mean("activation", Absolute()); }

Criterion apoz() { return output_mean("apoz", IsNotZero()); }

Criterion variance() {
  return of_outputs("variance", [](std::span<const Candidates> lists, Evidence& evidence) {
    ByView<Moments> moments = by_view<Moments>(lists);
    each_view(lists, evidence,
              [&](std::size_t l, std::size_t v, const Tensor& output, const Examples&) {
                const Tensor lanes = to_lanes(output);
                const Planes planes = lanes.planes();
                std::vector<Moments> channels(planes.channels);
                with_element(planes.lanes, [&](auto element) {
                  for_each_channel(planes, [&](std::int64_t c) {
                    channels[c] = channel_moments<decltype(element)>(planes, c);
                  });
                });
                const SliceUnits& units = lists[l].shown_by[v].units;
                for (std::int64_t c = 0; c < planes.channels; ++c)
                  if ((*units)[c] >= 0) moments[l][v][(*units)[c]].join(channels[c]);
              });
    return mean_of_views(moments, [](const Moments& m) { return m.squares / m.count; });
  });
}

Criterion weighted() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    // The mean of |input| by layer and channel; of layers whose weights count.
    std::map<std::string, std::vector<Mean>> inputs;
    const auto reads = [](const Candidates& list, const Member& member) {
      return counts(list, member) && member.part == Part::Weight;
    };
    for (const Candidates& list : lists)
      for (const Member& member : list.members)
        if (reads(list, member)) inputs[member.layer] = {};
    evidence.each_output(
        [&](const layers::Module& layer, const Tensor& input, const Tensor&, const Examples&) {
          const auto found = inputs.find(layer.name());
          if (found == inputs.end()) return;
          const PerImage sums = sum_pixels(input, Absolute());
          found->second.resize(sums.channels);
          for (std::int64_t c = 0; c < sums.channels; ++c) found->second[c].add(sums, c);
        });
    std::vector<Scores> all;
    for (const Candidates& list : lists) {
      Scores scores(list.count, 0);
      for (const Member& member : list.members) {
        if (!reads(list, member)) continue;
        const Parameter& weight = member.parameter;
        const std::vector<Mean>& means = inputs[member.layer];
        std::vector<double> input;
        for (const Mean& mean : means) input.push_back(mean.value());
        const std::int64_t channels = weight.size(1);  // of a group
        const std::int64_t taps = weight.numel() / (weight.size(0) * channels);
        const std::int64_t group = weight.size(0) * channels / std::ssize(input);  // its outputs
        const float* w = weight.data();
        add_each(member, scores, [&](std::int64_t i) {
          const std::int64_t first = i / (taps * channels) / group * channels;
          return std::abs(static_cast<double>(w[i])) * input[first + i / taps % channels];
        });
      }
      all.push_back(scores);
    }
    return all;
  };
  return checked({.name = "weighted", .score = score, .needs_data = true});
}

}  // namespace espalier::pruning
