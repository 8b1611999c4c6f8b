// Scoring: what the engine's criteria share: which elements a score is made of, and refusals.
#pragma once

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
// convolution behind them; of a layer or block of layers,
// what its last layer has; of single weights and blocks, the weights.
std::vector<Member> gates(const Candidates& list);

// The sum of value(i) over those elements of a member, added to its sets.
template <class Value>
void add_each(const Member& member, Scores& scores, const Value& value) {
  member.each([&](std::int64_t i, std::int64_t set) { scores[set] += value(i); });
}

// "filters", "n:m patterns"
inline std::string plural(Structure structure) {
  return structure == Structure::NM ? "n:m patterns" : std::string(name(structure)) + "s";
}

// For Criterion::refuses: only neurons and filters have what is looked at.
inline std::string only_units(Structure structure, const std::string& what) {
  if (is_unit(structure)) return "";
  return "found " + plural(structure) + ", which have no " + what + ", expected neurons or filters";
}

// The criterion with checks before its scores: refused structures, and pictures where it needs
// them.
Criterion checked(Criterion criterion);

}  // namespace espalier::pruning
