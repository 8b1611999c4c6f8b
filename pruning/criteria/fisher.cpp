// Second derivatives from first ones: the Fisher information of single weights and of gates.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

constexpr std::int64_t kGrain = 64 * 1024;   // elements that a thread takes at a time
constexpr std::int64_t kLongest = 4 * 1024;  // elements of one sum

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// What the pictures have told so far of one list.
class Gathered {
 public:
  virtual ~Gathered() = default;
  virtual void see() = 0;  // the gradient of one picture, which stands in the parameters
  virtual Scores scores(std::int64_t pictures) const = 0;
};

// Sets of one weight: 1/2 w^2 E[g^2].
class Singles final : public Gathered {
 public:
  explicit Singles(const Candidates& list)
      : weight_(list.members.at(0).parameter), squares_(weight_.numel(), 0) {}

  void see() override {
    const Tensor grad = weight_.grad();
    if (!grad.defined()) return;
    const float* g = grad.data();
    float* h = squares_.data();
    parallel_ranges(weight_.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) h[i] += g[i] * g[i];
    });
  }

  Scores scores(std::int64_t pictures) const override {
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

// Sets of several: 1/2 E[(sum of g w)^2].
class Sums final : public Gathered {
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

  void see() override {
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

  Scores scores(std::int64_t pictures) const override {
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

std::vector<Scores> score(std::span<const Candidates> lists, Evidence& evidence,
                          std::int64_t most) {
  evidence.require_batches("fisher");
  std::vector<std::unique_ptr<Gathered>> gathered;
  for (const Candidates& list : lists) {
    const bool single = list.structure == Structure::Weight || list.structure == Structure::NM;
    if (single)
      gathered.push_back(std::make_unique<Singles>(list));
    else
      gathered.push_back(std::make_unique<Sums>(list));
  }
  const std::int64_t pictures = evidence.each_picture(most, [&](const Examples&) {
    for (const auto& list : gathered) list->see();
  });
  check(pictures > 0, "criterion fisher: found batches without pictures, expected at least one");
  std::vector<Scores> result;
  for (const auto& list : gathered) result.push_back(list->scores(pictures));
  return result;
}

}  // namespace

Criterion fisher(std::int64_t pictures) {
  check(pictures >= 1, "fisher: found ", pictures, " pictures, expected at least one");
  return {.name = "fisher",
          .score = [pictures](std::span<const Candidates> lists,
                              Evidence& evidence) { return score(lists, evidence, pictures); },
          .needs_data = true};
}

}  // namespace espalier::pruning
