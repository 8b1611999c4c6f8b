// Optimal brain surgeon over blocks of weights: gradients of single pictures go in, scores and the
// update of what stays come out.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "pruning/criteria/block_fisher.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

constexpr std::int64_t kGrain = 64 * 1024;  // elements that a thread takes at a time
// Gradients that are held back and added together, while a block lies in the caches.
constexpr std::int64_t kTogether = 16;

// Weights [begin, end) of a list: whole blocks.
struct Range {
  std::size_t list;
  std::int64_t begin, end;
};
using Pass = std::vector<Range>;  // as much as fits into memory during one pass over the pictures

const Parameter& weight_of(const Candidates& list) { return list.members.at(0).parameter; }

class Surgeon {
 public:
  explicit Surgeon(const ObsOptions& options) : options_(options) {}

  std::vector<Scores> score(std::span<const Candidates> lists, Evidence& evidence) {
    held_.clear();
    for (const Candidates& list : lists)
      check(list.structure == Structure::Weight || list.structure == Structure::NM,
            "criterion obs: found ", name(list.structure), ", expected weight or n:m");
    std::vector<Scores> scores;
    for (const Candidates& list : lists) scores.emplace_back(list.count);
    each_inverse(lists, evidence, [&](const Range& range, const BlockFisher& inverse) {
      const float* w = weight_of(lists[range.list]).data();
      for (std::int64_t i = range.begin; i < range.end; ++i)
        scores[range.list][i] =
            static_cast<double>(w[i]) * w[i] / (2 * inverse.inverse_diagonal(i - range.begin));
    });
    return scores;
  }

  void compensate(std::span<const Candidates> lists, std::span<const Kept> kept,
                  Evidence& evidence) {
    // Every inverse belongs to the weights as they are now: none changes before the last pass.
    std::vector<std::vector<float>> moved;
    for (const Candidates& list : lists) moved.push_back(weight_of(list).to_vector());
    each_inverse(lists, evidence, [&](const Range& range, const BlockFisher& inverse) {
      const auto& [list, begin, end] = range;
      const std::uint8_t* mask = weight_of(lists[list]).mask();
      check_inverse(inverse.remove(moved[list].data() + begin, mask ? mask + begin : nullptr,
                                   kept[list].data() + begin),
                    lists[list]);
    });
    held_.clear();
    for (std::size_t l = 0; l < lists.size(); ++l) {
      Parameter weight = weight_of(lists[l]);
      std::copy(moved[l].begin(), moved[l].end(), weight.mutable_data());
    }
  }

 private:
  // Calls see(range, its inverse) for whole lists, in as many passes as it takes. Scoring and
  // compensating for the same weights share the inverses of a single pass.
  template <class See>
  void each_inverse(std::span<const Candidates> lists, Evidence& evidence, const See& see) {
    std::vector<std::pair<Parameter, std::uint64_t>> weights;
    for (const Candidates& list : lists)
      weights.emplace_back(weight_of(list), weight_of(list).version());
    const std::vector<Pass> passes = plan(lists);
    for (const Pass& pass : passes) {
      const bool known =
          !held_.empty() &&
          std::ranges::equal(weights, held_weights_, [](const auto& a, const auto& b) {
            return same(a.first, b.first) && a.second == b.second;
          });
      if (!known) held_ = gather(lists, pass, evidence);
      for (std::size_t r = 0; r < pass.size(); ++r) see(pass[r], held_[r]);
      if (passes.size() > 1) held_.clear();
    }
    held_weights_ = std::move(weights);
  }

  std::vector<Pass> plan(std::span<const Candidates> lists) const {
    const std::int64_t block = options_.block;
    const std::int64_t fits = std::max<std::int64_t>(options_.memory / 4 / (block * block), 1);
    std::vector<Pass> passes(1);
    std::int64_t room = fits;
    for (std::size_t l = 0; l < lists.size(); ++l)
      for (std::int64_t begin = 0; begin < lists[l].count;) {
        if (room == 0) {
          passes.emplace_back();
          room = fits;
        }
        const std::int64_t end = std::min(begin + room * block, lists[l].count);
        passes.back().push_back({l, begin, end});
        room -= (end - begin + block - 1) / block;
        begin = end;
      }
    return passes;
  }

  std::vector<BlockFisher> gather(std::span<const Candidates> lists, const Pass& pass,
                                  Evidence& evidence) const {
    evidence.require_batches("obs");
    std::vector<BlockFisher> fishers;
    std::int64_t elements = 0;
    for (const Range& range : pass) {
      fishers.emplace_back(range.end - range.begin, options_.block, options_.damping);
      elements += range.end - range.begin;
    }
    const auto gradients = std::make_unique_for_overwrite<float[]>(kTogether * elements);
    std::int64_t waiting = 0;
    const auto add = [&] {
      std::int64_t offset = 0;
      for (BlockFisher& fisher : fishers) {
        fisher.add(gradients.get() + offset, waiting, elements);
        offset += fisher.elements();
      }
      waiting = 0;
    };
    const std::int64_t seen = evidence.each_picture(options_.pictures, [&](const Examples&) {
      float* to = gradients.get() + waiting * elements;
      for (const Range& range : pass) {
        copy_gradient(weight_of(lists[range.list]), range, to);
        to += range.end - range.begin;
      }
      if (++waiting == kTogether) add();
    });
    check(seen > 0, "criterion obs: found batches without pictures, expected at least one");
    add();
    for (std::size_t r = 0; r < pass.size(); ++r)
      check_inverse(fishers[r].invert(), lists[pass[r].list]);
    return fishers;
  }

  // What is masked takes no part, also while its gradient is wanted.
  static void copy_gradient(const Parameter& weight, const Range& range, float* to) {
    const Tensor grad = weight.grad();
    const std::uint8_t* mask = weight.mask();
    parallel_ranges(range.end - range.begin, kGrain, [&](std::int64_t begin, std::int64_t end) {
      const float* g = grad.defined() ? grad.data() + range.begin : nullptr;
      for (std::int64_t i = begin; i < end; ++i)
        to[i] = !g || (mask && !mask[range.begin + i]) ? 0 : g[i];
    });
  }

  void check_inverse(bool found, const Candidates& list) const {
    check(found, "obs: found gradients of ", list.name, " whose Fisher information with damping ",
          options_.damping, " has no inverse, expected finite ones and a larger damping");
  }

  ObsOptions options_;
  std::vector<BlockFisher> held_;
  std::vector<std::pair<Parameter, std::uint64_t>> held_weights_;  // with their versions
};

}  // namespace

Criterion obs(const ObsOptions& options) {
  check(options.pictures >= 1, "obs: found ", options.pictures, " pictures, expected at least one");
  check(options.block >= 1, "obs: found blocks of ", options.block, ", expected at least 1");
  check(options.damping > 0, "obs: found damping ", options.damping, ", expected above 0");
  check(options.rounds >= 1, "obs: found ", options.rounds, " rounds, expected at least 1");
  check(options.memory >= 1, "obs: found ", options.memory, " bytes, expected at least 1");
  const auto surgeon = std::make_shared<Surgeon>(options);
  return {
      .name = "obs",
      .score = [surgeon](std::span<const Candidates> lists,
                         Evidence& evidence) { return surgeon->score(lists, evidence); },
      .refuses = only({Weight, NM},
                      ", expected weights or n:m patterns: it inverts the Fisher information of "
                      "single ones"),
      .compensate = [surgeon](std::span<const Candidates> lists, std::span<const Kept> kept,
                              Evidence& evidence) { surgeon->compensate(lists, kept, evidence); },
      .needs_data = true,
      .rounds = options.rounds};
}

}  // namespace espalier::pruning
