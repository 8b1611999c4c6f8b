// Criteria by name; gates, and checks before scores.
#include "pruning/criteria/criterion.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

using Make = Criterion (*)();
constexpr std::pair<const char*, Make> kCriteria[] = {
    {"magnitude", [] { return magnitude(); }},
    {"l2", [] { return l2(); }},
    {"weighted", [] { return weighted(); }},
    {"gradient", [] { return gradient(); }},
    {"taylor", [] { return taylor(); }},
    {"fisher", [] { return fisher(); }},
    {"obs", [] { return obs(); }},
    {"activation", [] { return activation(); }},
    {"variance", [] { return variance(); }},
    {"apoz", [] { return apoz(); }},
    {"entropy", [] { return entropy(); }},
    {"mutual-information", [] { return mutual_information(); }},
    {"bn-scale", [] { return bn_scale(); }},
    {"geometric-median", [] { return geometric_median(); }},
    {"snip", [] { return snip(); }},
    {"synflow", [] { return synflow(); }},
    {"random", [] { return random(); }},
    {"type", [] { return type(); }},
};

}  // namespace

Criterion criterion(std::string name, std::function<Scores(const Candidates&)> score) {
  return {.name = std::move(name),
          .score = [score = std::move(score)](std::span<const Candidates> lists, Evidence&) {
            std::vector<Scores> all;
            for (const Candidates& list : lists) all.push_back(score(list));
            return all;
          }};
}

std::vector<std::string> criterion_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kCriteria) names.emplace_back(name);
  return names;
}

Criterion criterion(const std::string& name) {
  check(name != "threshold",
        "criterion: found 'threshold' without its number, expected threshold(t) with one");
  std::string known;
  for (const auto& [text, make] : kCriteria) {
    if (name == text) return make();
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  fail("criterion: found '", name, "', expected one of ", known);
}

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
