// PruneState: to and from a model file.
#include "examples/cli/prune_state.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "examples/cli/outcome.h"

namespace espalier::cli {
namespace {

const std::string kPruning = "espalier.pruning";
const std::string kSnapshot = "snapshot/";  // before the names of its tensors

Json to_json(const Evaluation& e) {  // a loss that is not finite is null
  return {{"images", e.images}, {"correct", e.correct}, {"loss", e.loss}};
}

Evaluation evaluation_from(const Json& json) {
  const Json& loss = json.at("loss");
  return {.images = json.at("images").get<std::int64_t>(),
          .correct = json.at("correct").get<std::int64_t>(),
          .loss = loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>()};
}

Json to_json(const pruning::Base& base) { return {{"pruned", base.pruned}, {"lists", base.lists}}; }

pruning::Base base_from(const Json& json) {
  return {.pruned = json.at("pruned").get<double>(),
          .lists = json.at("lists").get<std::map<std::string, double>>()};
}

bool is_share(double value) { return value >= 0 && value <= 1; }

pruning::Snapshot snapshot_from(const Json& counters, const layers::ModelFile& file) {
  pruning::Snapshot::Tensors tensors;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(kSnapshot)) tensors[name.substr(kSnapshot.size())] = tensor;
  return {std::move(tensors), counters.get<pruning::Snapshot::Counters>()};
}

PruneState state_from(const Json& json, const layers::ModelFile& file, const std::string& path) {
  PruneState state;
  json.at("file").get_to(state.file);
  json.at("file_hash").get_to(state.file_hash);
  json.at("model").get_to(state.model);
  json.at("weights").get_to(state.weights);
  json.at("no_report").get_to(state.no_report);
  state.options = prune_options_from(json.at("options"), path);
  state.recipe = recipe_from(json.at("recipe"), path);
  if (json.contains("origin")) state.origin = recipe_from(json["origin"], path);
  state.figures = {.dense = evaluation_from(json.at("dense")),
                   .before = evaluation_from(json.at("before")),
                   .before_epoch = json.at("before_epoch").get<double>(),
                   .outcome = outcome_from(json.at("outcome")),
                   .base = base_from(json.at("base")),
                   .original = json.at("original").get<double>()};
  json.at("level").get_to(state.level);
  if (json.contains("snapshot")) state.snapshot = snapshot_from(json["snapshot"], file);
  return state;
}

}  // namespace

std::string hash_of_file(const std::string& path) {
  Hash hash;
  hash.add(read_file(path));
  return hash.str();
}

void store(const PruneState& state, layers::SaveOptions& options) {
  Json json{{"file", state.file},
            {"file_hash", state.file_hash},
            {"model", state.model},
            {"weights", state.weights},
            {"no_report", state.no_report},
            {"options", to_json(state.options)},
            {"recipe", to_json(state.recipe)}};
  if (state.origin) json["origin"] = to_json(*state.origin);
  json.update({{"dense", to_json(state.figures.dense)},
               {"before", to_json(state.figures.before)},
               {"before_epoch", state.figures.before_epoch},
               {"outcome", to_json(state.figures.outcome)},
               {"base", to_json(state.figures.base)},
               {"original", state.figures.original},
               {"level", state.level}});
  if (state.snapshot) {
    json["snapshot"] = state.snapshot->counters();
    for (const auto& [name, tensor] : state.snapshot->tensors())
      options.tensors[kSnapshot + name] = tensor;
  }
  // Files may have names that are not UTF-8.
  options.metadata[kPruning] = json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<PruneState> prune_state(const layers::ModelFile& file, const std::string& path) {
  const auto found = file.metadata.find(kPruning);
  if (found == file.metadata.end()) return {};
  const Json json = Json::parse(found->second, nullptr, false);
  PruneState state;
  try {
    state = state_from(json, file, path);
  } catch (const Json::exception&) {
    fail(path, ": found metadata ", kPruning,
         " that cannot be read, expected a pruning that this program wrote");
  }
  const bool lottery = plan_of(state.options) == Plan::Lottery;
  check(state.level >= 0 && state.level <= (lottery ? state.options.steps : 0), path,
        ": found level ", state.level, " of a pruning, expected 0 to ",
        lottery ? state.options.steps : 0);
  const pruning::Base& base = state.figures.base;
  check(is_share(base.pruned) && std::all_of(base.lists.begin(), base.lists.end(),
                                             [](const auto& l) { return is_share(l.second); }),
        path, ": found shares that had been pruned before which are no shares, expected 0 to 1");
  check(!lottery || (state.snapshot && state.origin), path,
        ": found a pruning by lottery without the weights or the recipe that it goes back to, "
        "expected both");
  return state;
}

}  // namespace espalier::cli
