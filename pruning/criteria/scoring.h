// Scoring: what the engine's criteria share: which elements a score is made of, and refusals.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

// Whether the elements of a member count. Of a unit its weights do, and not its bias and norm: a
// few numbers of another size would drown in them or drown them. Of other sets all count.
inline bool counts(const Candidates& list, const Member& member, Over over = Over::Makers) {
  if (!is_unit(list.structure)) return true;
  return member.part == Part::Weight || (over == Over::All && member.part == Part::Input);
}

// Members of a list of which a derivative tells what removal would do. A gate in front of what a
// set gives out, a factor 1 that removal closes, has the derivative sum of dL/dw w over the
// elements that what is given out is linear in. Only the last ones on the way out count, for gates
// one behind the other would count the same signal twice: of a unit, scale and shift of the batch
// norm that follows each maker, else the maker's weights and bias, or those of a depthwise
// convolution behind them; of a layer or block of layers, what its last layer has; of single
// weights and blocks, the weights.
std::vector<Member> gates(const Candidates& list);

// The sum of value(i) over those elements of a member, added to its sets.
template <class Value>
void add_each(const Member& member, Scores& scores, const Value& value) {
  member.each([&](std::int64_t i, std::int64_t set) { scores[set] += value(i); });
}

// The scores that add(member, scores) makes of each list's members that count.
template <class Add>
std::vector<Scores> sums_of(std::span<const Candidates> lists, const Add& add) {
  std::vector<Scores> all;
  for (const Candidates& list : lists) {
    all.emplace_back(list.count, 0);
    for (const Member& member : list.members)
      if (counts(list, member)) add(member, all.back());
  }
  return all;
}

// For Criterion::refuses: all but these structures, "found n:m patterns" and then why not.
inline auto only(std::vector<Structure> meant, std::string why) {
  return [=](Structure s) {
    if (std::find(meant.begin(), meant.end(), s) != meant.end()) return std::string();
    return "found " + (s == Structure::NM ? "n:m pattern" : std::string(name(s))) + "s" + why;
  };
}

// The criterion with checks before its scores: refused structures, and pictures where it needs
// them.
Criterion checked(Criterion criterion);

}  // namespace espalier::pruning
