// Reading a log: nobody but this program writes one, but a file may be cut short or of another
// version, so nothing of it is taken for granted.
#include "examples/cli/report_log.h"

#include <cstdio>

#include "examples/cli/console.h"
#include "examples/cli/log.h"

namespace espalier::cli {
namespace {

template <class Value>
std::optional<Value> find(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return {};
  try {
    return found->get<Value>();
  } catch (const Json::exception&) {
    return {};
  }
}

std::string text_at(const Json& json, const char* key) {
  return find<std::string>(json, key).value_or("");
}

// Numbers as the log has them: 0.03, not 0.030000.
std::string number_at(const Json& json, const char* key) {
  const auto value = find<double>(json, key);
  char text[32] = "?";
  if (value) std::snprintf(text, sizeof text, "%.6g", *value);
  return text;
}

std::string recipe_in_words(const Json& recipe) {
  return number_at(recipe, "epochs") + " epochs, batch " + number_at(recipe, "batch") + ", " +
         text_at(recipe, "optimizer") + ", rate " + number_at(recipe, "lr") + ", " +
         text_at(recipe, "schedule");
}

std::string pruning_in_words(const Json& pruning) {
  // Dynamic sparse training draws its first weights, and judges by rules of its own.
  const std::string schedule = text_at(pruning, "schedule");
  const bool dynamic = schedule == "rigl" || schedule == "set";
  std::string text = text_at(pruning, "structure");
  if (!dynamic) text += " by " + text_at(pruning, "criterion");
  if (const auto sparsity = find<double>(pruning, "sparsity"))
    text += ", " + short_percent(*sparsity);
  if (!dynamic) text += ", " + text_at(pruning, "scope");
  return text + ", " + schedule;
}

void take_event(const Json& json, LogFacts& facts) {
  const std::string event = text_at(json, "event");
  if (const auto before = find<double>(json, "accuracy_before_finetune"))
    facts.before_finetune = before;
  if (const auto epochs = find<double>(json, "epochs_before_finetune"))
    facts.before_epochs = epochs;
  if (const auto dense = find<double>(json, "accuracy_dense")) facts.dense = dense;
  if (event == "interrupted") facts.interrupted = true;
  if (event == "level") facts.epochs.clear();  // from the first weights again
  if (event == "pruned") {
    facts.pruned = find<double>(json, "accuracy");
    facts.pruned_images = find<std::int64_t>(json, "test_images").value_or(0);
  }
  if (event == "resume") {
    facts.interrupted = false;
    facts.resumed.push_back(text_at(json, "command"));
  }
  const bool beginning = event == "train" || event == "prune" || event == "compact";
  if (!beginning || !facts.event.empty()) return;  // a compaction on the way is no beginning
  facts.event = event;
  facts.data = text_at(json, "data");
  facts.command = text_at(json, "command");
  facts.system = text_at(json, "system");
  if (const auto recipe = json.find("recipe"); recipe != json.end() && recipe->is_object()) {
    facts.seed = find<std::int64_t>(*recipe, "seed");
    facts.recipe = recipe_in_words(*recipe);
  }
  if (const auto seed = find<std::int64_t>(json, "seed")) facts.seed = seed;
  if (const auto pruning = json.find("pruning"); pruning != json.end() && pruning->is_object()) {
    facts.pruning = pruning_in_words(*pruning);
    const std::string schedule = text_at(*pruning, "schedule");
    facts.from_beginning =
        schedule == "initial" || schedule == "lottery" || schedule == "rigl" || schedule == "set";
  }
}

}  // namespace

LogFacts read_log(const std::string& model_path, const Checkpoint& read) {
  return facts_of(log_lines(model_path, read));
}

LogFacts facts_of(const std::vector<std::string>& lines) {
  LogFacts facts;
  for (const std::string& line : lines) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    if (json.contains("event")) {
      take_event(json, facts);
    } else if (const auto epoch = find<int>(json, "epoch")) {
      if (const auto accuracy = find<double>(json, "test_accuracy"))
        facts.epochs.push_back({*epoch, *accuracy, find<double>(json, "test_loss").value_or(0),
                                find<std::int64_t>(json, "test_images").value_or(0)});
    }
  }
  return facts;
}

}  // namespace espalier::cli
