// Outcome: the table and the JSON.
#include "examples/cli/outcome.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace espalier::cli {

Json json_of(const pruning::Outcome& outcome) {
  Json lists = Json::array();
  for (const auto& list : outcome.lists)
    lists.push_back({{"name", list.name}, {"sets", list.sets}, {"gone", list.gone}});
  return lists;
}

std::string text_of(const pruning::Outcome& outcome) {
  std::size_t width = 4;
  for (const auto& list : outcome.lists) width = std::max(width, list.name.size());
  std::string text;
  for (const auto& list : outcome.lists) {
    char line[200];
    std::snprintf(line, sizeof line, "%-*s  %10s of %10s gone  %6.2f %%\n", static_cast<int>(width),
                  list.name.c_str(), with_commas(list.gone).c_str(), with_commas(list.sets).c_str(),
                  100.0 * static_cast<double>(list.gone) /
                      static_cast<double>(std::max<std::int64_t>(list.sets, 1)));
    text += line;
  }
  return text;
}

Json to_json(const pruning::Outcome& outcome) {
  return {{"asked", outcome.asked}, {"achieved", outcome.achieved}, {"lists", json_of(outcome)}};
}

pruning::Outcome outcome_from(const Json& json) {
  pruning::Outcome outcome;
  json.at("asked").get_to(outcome.asked);
  json.at("achieved").get_to(outcome.achieved);
  for (const Json& list : json.at("lists"))
    outcome.lists.push_back({list.at("name").get<std::string>(),
                             list.at("sets").get<std::int64_t>(),
                             list.at("gone").get<std::int64_t>()});
  return outcome;
}

}  // namespace espalier::cli
