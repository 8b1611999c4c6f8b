// Gates, and checks before scores.
#include "pruning/criteria/scoring.h"

#include <map>
#include <utility>

#include "core/error.h"

namespace espalier::pruning {

std::vector<Member> gates(const Candidates& list) {
  if (list.structure == Structure::Layer) {
    std::map<std::int64_t, std::string> last;
    for (const Member& member : list.members) last[member.first] = member.layer;
    std::vector<Member> result;
    for (const Member& member : list.members)
      if (member.layer == last[member.first]) result.push_back(member);
    return result;
  }
  if (!is_unit(list.structure)) return list.members;
  // A group lists each maker's parameters and then those of its batch norm.
  std::vector<Member> result, maker;
  for (const Member& member : list.members) {
    if (member.part == Part::Input) continue;
    if (member.part == Part::Bias) maker.push_back(member);
    if (member.part == Part::Weight) {
      result.insert(result.end(), maker.begin(), maker.end());
      if (member.passes) result.clear();  // what comes before goes through it
      maker = {member};
    }
    if (member.part == Part::Scale) maker.clear();
    if (member.part == Part::Scale || member.part == Part::Shift) result.push_back(member);
  }
  result.insert(result.end(), maker.begin(), maker.end());
  return result;
}

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
