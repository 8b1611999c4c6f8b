// Criteria of the derivatives of the loss: the first one, and of first ones of single pictures the
// second, as Fisher information.
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "core/error.h"
#include "core/parallel.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

// What a batch adds to each list's scores: finish(sum of value(g, w)) of each set, over the members
// that members_of(list) gives. The mean over batches.
template <class Members, class Value, class Finish>
Criterion batch_mean(const char* name, const Members& members_of, const Value& value,
                     const Finish& finish) {
  const auto score = [=](std::span<const Candidates> lists, Evidence& evidence) {
    std::vector<Scores> all;
    std::vector<std::vector<Member>> members;
    for (const Candidates& list : lists) {
      all.emplace_back(list.count, 0);
      members.push_back(members_of(list));
    }
    const auto batches = static_cast<double>(evidence.batches().size());
    evidence.each_batch([&](const Examples&) {
      for (std::size_t l = 0; l < lists.size(); ++l) {
        Scores sums(lists[l].count, 0);
        for (const Member& member : members[l]) {
          const Tensor gradient = member.parameter.grad();
          if (!gradient.defined()) continue;
          const float *g = gradient.data(), *w = member.parameter.data();
          add_each(member, sums, [&](std::int64_t i) {
            return value(static_cast<double>(g[i]), static_cast<double>(w[i]));
          });
        }
        for (std::size_t set = 0; set < sums.size(); ++set)
          all[l][set] += finish(sums[set]) / batches;
      }
    });
    return all;
  };
  return checked({.name = name, .score = score, .needs_data = true});
}

// The members that count for a norm.
std::vector<Member> counted(const Candidates& list) {
  std::vector<Member> members = list.members;
  std::erase_if(members, [&](const Member& member) { return !counts(list, member); });
  return members;
}

constexpr std::int64_t kGrain = 64 * 1024;   // elements that a thread takes at a time
constexpr std::int64_t kLongest = 4 * 1024;  // elements of one sum

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// The Fisher information of a list of single weights: 1/2 w^2 E[g^2].
class Singles {
 public:
  explicit Singles(const Candidates& list)
      : weight_(list.members.at(0).parameter), squares_(weight_.numel(), 0) {}

  // The gradient of one picture, which stands in the parameters.
  void see() {
    const Tensor grad = weight_.grad();
    if (!grad.defined()) return;
    const float* g = grad.data();
    float* h = squares_.data();
    parallel_ranges(weight_.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) h[i] += g[i] * g[i];
    });
  }

  Scores scores(std::int64_t pictures) const {
    Scores result(squares_.size());
    const float* w = weight_.data();
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = 0.5 * w[i] * w[i] * squares_[i] / static_cast<double>(pictures);
    return result;
  }

 private:
  Parameter weight_;
  std::vector<float> squares_;
};

// The same for sets of several: 1/2 E[(sum of g w)^2].
class Sums {
 public:
  explicit Sums(const Candidates& list) : sums_(list.count), squares_(list.count, 0) {
    for (const Member& member : gates(list)) {
      Part part{member.parameter, {}, {}};
      member.each([&](std::int64_t i, std::int64_t set) {
        std::vector<Run>& runs = part.runs;
        if (runs.empty() || runs.back().set != set || i - runs.back().begin == kLongest)
          runs.push_back({i, i, set});
        ++runs.back().end;
      });
      part.sums.resize(part.runs.size());
      parts_.push_back(std::move(part));
    }
  }

  void see() {
    sums_.assign(sums_.size(), 0);
    for (Part& part : parts_) {
      const Tensor grad = part.parameter.grad();
      if (!grad.defined()) continue;
      const float *g = grad.data(), *w = part.parameter.data();
      const auto runs = static_cast<std::int64_t>(part.runs.size());
      // As many runs as make up a thread's share, whatever their length.
      const std::int64_t grain = kGrain * runs / part.parameter.numel() + 1;
      parallel_ranges(runs, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const Run& run = part.runs[r];
          part.sums[r] = dot(g + run.begin, w + run.begin, run.end - run.begin);
        }
      });
      for (std::int64_t r = 0; r < runs; ++r) sums_[part.runs[r].set] += part.sums[r];
    }
    for (std::size_t set = 0; set < sums_.size(); ++set) squares_[set] += sums_[set] * sums_[set];
  }

  Scores scores(std::int64_t pictures) const {
    Scores result = squares_;
    for (double& score : result) score *= 0.5 / static_cast<double>(pictures);
    return result;
  }

 private:
  struct Run {  // neighbours that belong to the same set
    std::int64_t begin, end, set;
  };
  struct Part {
    Parameter parameter;
    std::vector<Run> runs;
    std::vector<double> sums;  // of g w over each run
  };
  std::vector<Part> parts_;
  std::vector<double> sums_, squares_;
};

}  // namespace

Criterion gradient() {
  return batch_mean(
      "gradient", counted, [](double g, double) { return g * g; },
      [](double sum) { return std::sqrt(sum); });
}

Criterion taylor() {
  return batch_mean(
      "taylor", gates, [](double g, double w) { return g * w; },
      [](double sum) { return std::abs(sum); });
}

Criterion snip() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    double pictures = 0;
    for (const Examples& batch : evidence.batches())
      pictures += static_cast<double>(batch.labels.size());
    // The gradient of the mean loss over all pictures, for each parameter.
    std::map<const TensorImpl*, std::vector<double>> gradients;
    evidence.each_batch([&](const Examples& batch) {
      const double share = static_cast<double>(batch.labels.size()) / pictures;
      std::set<const TensorImpl*> seen;  // layers may share a parameter
      for (const Parameter& parameter : evidence.model().parameters()) {
        const Tensor gradient = parameter.grad();
        if (!gradient.defined() || !seen.insert(parameter.impl()).second) continue;
        std::vector<double>& sum = gradients[parameter.impl()];
        sum.resize(parameter.numel(), 0);
        for (std::size_t i = 0; i < sum.size(); ++i)
          sum[i] += share * static_cast<double>(gradient.data()[i]);
      }
    });
    return sums_of(lists, [&](const Member& member, Scores& scores) {
      const auto found = gradients.find(member.parameter.impl());
      if (found == gradients.end()) return;
      const float* w = member.parameter.data();
      add_each(member, scores, [&](std::int64_t i) { return std::abs(found->second[i] * w[i]); });
    });
  };
  return checked({.name = "snip", .score = score, .needs_data = true});
}

Criterion fisher(std::int64_t most) {
  check(most >= 1, "fisher: found ", most, " pictures, expected at least one");
  const auto score = [most](std::span<const Candidates> lists, Evidence& evidence) {
    evidence.require_batches("fisher");
    std::vector<std::variant<Singles, Sums>> gathered;
    for (const Candidates& list : lists)
      if (list.structure == Structure::Weight || list.structure == Structure::NM)
        gathered.emplace_back(Singles(list));
      else
        gathered.emplace_back(Sums(list));
    const std::int64_t pictures = evidence.each_picture(most, [&](const Examples&) {
      for (auto& list : gathered) std::visit([](auto& kind) { kind.see(); }, list);
    });
    check(pictures > 0, "criterion fisher: found batches without pictures, expected at least one");
    std::vector<Scores> result;
    for (const auto& list : gathered)
      result.push_back(std::visit([&](const auto& kind) { return kind.scores(pictures); }, list));
    return result;
  };
  return {.name = "fisher", .score = score, .needs_data = true};
}

}  // namespace espalier::pruning
