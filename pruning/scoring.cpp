// Checks before scores.
#include "pruning/scoring.h"

#include <utility>

#include "core/error.h"

namespace espalier::pruning {

Criterion checked(Criterion criterion) {
  criterion.score = [name = criterion.name, score = std::move(criterion.score),
                     refuses = criterion.refuses, needs_data = criterion.needs_data](
                        std::span<const Candidates> lists, Evidence& evidence) {
    for (const Candidates& list : lists)
      if (const std::string why = refuses ? refuses(list.structure) : ""; !why.empty())
        fail("criterion ", name, ": ", why);
    if (needs_data) {
      evidence.require_batches(name);
      for (const Examples& batch : evidence.batches())
        check(!batch.labels.empty(), "criterion ", name,
              ": found a batch of no pictures, expected at least one in each");
    }
    return score(lists, evidence);
  };
  return criterion;
}

}  // namespace espalier::pruning
