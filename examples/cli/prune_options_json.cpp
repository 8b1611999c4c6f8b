// The options of pruning as JSON: in logs, in checkpoints, and where a pruning is resumed.
#include <CLI/CLI.hpp>

#include "core/error.h"
#include "examples/cli/prune_options.h"

namespace espalier::cli {
namespace {

// Shows every field under its name: the one list that everything here goes by.
template <class Options, class See>
void fields(Options& o, const See& see) {
  see("structure", o.structure);
  see("criterion", o.criterion);
  see("scope", o.scope);
  see("count", o.count);
  see("normalise", o.normalise);
  see("schedule", o.schedule);
  see("floor", o.floor);
  see("pictures", o.pictures);
  see("sparsity", o.sparsity);
  see("relative_to", o.relative_to);
  see("threshold", o.threshold);
  see("deviations", o.deviations);
  see("block", o.block);
  see("pattern", o.pattern);
  see("only", o.only);
  see("leave_out", o.leave_out);
  see("ratios", o.ratios);
  see("pruning_epochs", o.pruning_epochs);
  see("steps", o.steps);
  see("rewind_epoch", o.rewind_epoch);
  see("compact_after", o.compact);
}

struct Write {
  Json& json;
  template <class Value>
  void operator()(const char* name, const Value& value) const {
    json[name] = value;
  }
  template <class Value>
  void operator()(const char* name, const std::optional<Value>& value) const {
    if (value) json[name] = *value;
  }
  void operator()(const char* name, const std::vector<std::string>& value) const {
    if (!value.empty()) json[name] = value;
  }
};

struct Read {
  const Json& json;
  template <class Value>
  void operator()(const char* name, Value& value) const {
    if (json.contains(name)) json[name].get_to(value);
  }
  template <class Value>
  void operator()(const char* name, std::optional<Value>& value) const {
    if (json.contains(name)) value = json[name].get<Value>();
  }
};

Json every_field(const PruneOptions& o) {
  Json json;
  fields(o, Write{json});
  return json;
}

}  // namespace

Json to_json(const PruneOptions& o) {
  Json json = every_field(o);
  const Plan plan = plan_of(o);
  if (o.structure != "block") json.erase("block");
  if (o.structure != "n:m") json.erase("pattern");
  if (plan != Plan::Iterative && plan != Plan::Lottery) json.erase("steps");
  if (plan != Plan::Lottery) json.erase("rewind_epoch");
  return json;
}

PruneOptions prune_options_from(const Json& json, const std::string& file) {
  PruneOptions options;
  try {
    fields(options, Read{json});
    method_of(options);
  } catch (const Json::exception&) {
    fail(file, ": found options of a pruning that cannot be read, expected those of prune");
  } catch (const Error& error) {
    fail(file, ": options of the pruning: ", error.what());
  }
  return options;
}

PruneOptions with_given(const CLI::App& command, const PruneOptions& given,
                        const PruneOptions& stored) {
  const Json said = every_field(given);
  Json json = every_field(stored);
  fields(given, [&](const std::string& name, const auto&) {
    if (command.get_option(option_of(name))->count() > 0) json[name] = said[name];
  });
  PruneOptions options;
  fields(options, Read{json});
  return options;
}

std::string option_of(const std::string& field) {
  std::string option = "--" + (field == "ratios" ? "ratio" : field);
  for (char& c : option) c = c == '_' ? '-' : c;
  return option;
}

}  // namespace espalier::cli
