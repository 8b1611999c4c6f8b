// Criteria that look at the network alone, without data.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

// A criterion whose score of a set is finish(sum of value(w)).
template <class Value, class Finish>
Criterion summed(const char* name, Over over, const Value& value, const Finish& finish) {
  return criterion(name, [=](const Candidates& list) {
    Scores scores(list.count, 0);
    for (const Member& member : list.members) {
      if (!counts(list, member, over)) continue;
      const float* w = member.parameter.data();
      add_each(member, scores, [&](std::int64_t i) { return value(static_cast<double>(w[i])); });
    }
    for (double& score : scores) score = finish(score);
    return scores;
  });
}

// The standard deviation of the weights that are there.
double deviation_of(const Parameter& weight) {
  const std::uint8_t* mask = weight.mask();
  const float* w = weight.data();
  const auto mean_of = [&](const auto& value) {
    double sum = 0, count = 0;
    for (std::int64_t i = 0; i < weight.numel(); ++i)
      if (!mask || mask[i]) sum += value(static_cast<double>(w[i])), ++count;
    return count > 0 ? sum / count : 0;
  };
  const double mean = mean_of([](double x) { return x; });
  return std::sqrt(mean_of([mean](double x) { return (x - mean) * (x - mean); }));
}

// The weights that make each unit, side by side.
std::vector<std::vector<float>> rows_of(const Candidates& list) {
  std::vector<std::vector<float>> rows(list.count);
  for (const Member& member : list.members)
    if (member.part == Part::Weight)
      member.each([&](std::int64_t i, std::int64_t set) {
        rows[set].push_back(member.parameter.data()[i]);
      });
  return rows;
}

// Differences, not products: of filters that are almost equal these would leave rounding alone.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  constexpr std::size_t kChunk = 512;  // summed in single precision
  double squares = 0;
  for (std::size_t begin = 0; begin < a.size(); begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, a.size());
    const float *x = a.data(), *y = b.data();
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (std::size_t i = begin; i < end; ++i) part += (x[i] - y[i]) * (x[i] - y[i]);
    squares += static_cast<double>(part);
  }
  return std::sqrt(squares);
}

}  // namespace

Criterion magnitude(Over over) {
  return summed(
      "magnitude", over, [](double w) { return std::abs(w); }, [](double sum) { return sum; });
}

Criterion l2(Over over) {
  return summed(
      "l2", over, [](double w) { return w * w; }, [](double sum) { return std::sqrt(sum); });
}

Criterion random() {
  return {.name = "random", .score = [](std::span<const Candidates> lists, Evidence& evidence) {
            // New streams for each call: the rounds of a step do not repeat each other.
            const Rng call(evidence.rng().next());
            std::vector<Scores> all;
            for (std::size_t l = 0; l < lists.size(); ++l) {
              Rng rng = call.split(l);
              all.emplace_back(lists[l].count);
              // 53 bits, so that among millions of weights none draw equal.
              for (double& score : all.back())
                score = static_cast<double>(rng.next() >> 11) * 0x1p-53;
            }
            return all;
          }};
}

Criterion bn_scale() {
  Criterion made = criterion("bn-scale", [](const Candidates& list) {
    Scores scores(list.count, 0), elements(list.count, 0);
    for (const Member& member : list.members)
      if (member.part == Part::Scale)
        member.each([&](std::int64_t i, std::int64_t set) {
          scores[set] += std::abs(static_cast<double>(member.parameter.data()[i]));
          ++elements[set];
        });
    for (std::int64_t set = 0; set < list.count; ++set) {
      if (elements[set] == 0) [[unlikely]]
        fail("criterion bn-scale: found no batch norm in ",
             list.names.empty() ? "the group " + list.name : list.names[set],
             ", expected one whose scale tells what matters");
      scores[set] /= elements[set];
    }
    return scores;
  });
  made.refuses = only({Neuron, Filter, Layer},
                      ", which have no scale of their own, expected neurons, filters or layers");
  return checked(std::move(made));
}

Criterion geometric_median() {
  Criterion made = criterion("geometric-median", [](const Candidates& list) {
    const std::vector<std::vector<float>> rows = rows_of(list);
    // To what has left there is no distance, or a mask would count otherwise than its compaction.
    const Kept there = kept(list);
    const std::int64_t count = list.count;
    std::vector<double> distances(static_cast<std::size_t>(count * count), 0);
    // A row that is fetched meets several others at once.
    parallel_ranges(count, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin + 1; b < count; ++b)
        for (std::int64_t a = begin; a < std::min(b, end); ++a)
          if (there[a] && there[b]) distances[a * count + b] = distance(rows[a], rows[b]);
    });
    Scores scores(count, 0);
    for (std::int64_t a = 0; a < count; ++a)
      for (std::int64_t b = a + 1; b < count; ++b) {
        scores[a] += distances[a * count + b];
        scores[b] += distances[a * count + b];
      }
    return scores;
  });
  made.refuses =
      only({Neuron, Filter},
           ", which have no others of their shape beside them, expected neurons or filters");
  return checked(std::move(made));
}

Criterion threshold(double t, bool in_deviations) {
  check(t >= 0 && std::isfinite(t), "criterion threshold: found ", t,
        ", expected a number of at least 0");
  // As they were when first asked for. Held by parameter: a compaction changes what is in it, not
  // which it is.
  using Deviations = std::map<const TensorImpl*, std::pair<Parameter, double>>;
  const auto deviations = std::make_shared<Deviations>();
  Criterion made = criterion("threshold", [in_deviations, deviations](const Candidates& list) {
    Scores scores(list.count, 0), elements(list.count, 0);
    for (const Member& member : list.members) {
      if (member.part != Part::Weight) continue;
      double unit = 1;
      if (in_deviations) {
        auto& [weight, deviation] = (*deviations)[member.parameter.impl()];
        if (!weight.defined()) weight = member.parameter, deviation = deviation_of(weight);
        unit = deviation;
      }
      const float* w = member.parameter.data();
      member.each([&](std::int64_t i, std::int64_t set) {
        // Weights that are all equal lie any number of deviations from zero.
        if (w[i] != 0) scores[set] += std::abs(static_cast<double>(w[i])) / unit;
        ++elements[set];
      });
    }
    for (std::int64_t set = 0; set < list.count; ++set)
      if (elements[set] > 0) scores[set] /= elements[set];
    return scores;
  });
  made.cut = t;
  made.refuses = only({Weight, Block, Neuron, Filter, Layer},
                      ", which fix how many weights go, expected another structure");
  return checked(std::move(made));
}

// Neighbours of equal output shape are a stage: its second, fourth, ... layer scores 0, the others
// 1. The first is the one that comes after a change of shape.
Criterion type() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    const std::vector<Removable> layers = removable_layers(evidence.model());
    const auto shape_of = [&](const std::string& name) {
      const auto found = std::find_if(layers.begin(), layers.end(),
                                      [&](const Removable& layer) { return layer.name == name; });
      if (found == layers.end()) [[unlikely]]
        fail("criterion type: found ", name, ", expected a layer that can be removed");
      return found->shape;
    };
    std::vector<Scores> all;
    for (const Candidates& list : lists) {
      all.emplace_back(list.count, 1);
      int place = 0;
      for (std::int64_t set = 1; set < list.count; ++set) {
        place = shape_of(list.names[set]) == shape_of(list.names[set - 1]) ? place + 1 : 0;
        all.back()[set] = place % 2 ? 0 : 1;
      }
    }
    return all;
  };
  return checked({.name = "type", .score = score, .refuses = only({Layer}, ", expected layers")});
}

}  // namespace espalier::pruning
