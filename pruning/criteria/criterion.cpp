// Criteria by name.
#include "pruning/criteria/criterion.h"

#include <utility>

#include "core/error.h"

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

}  // namespace espalier::pruning
