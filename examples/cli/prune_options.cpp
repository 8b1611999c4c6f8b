// The options of pruning, and their sense.
#include "examples/cli/prune_options.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "examples/cli/console.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

constexpr std::pair<const char*, Plan> kPlans[] = {
    {"one-shot", Plan::OneShot}, {"iterative", Plan::Iterative},
    {"cubic", Plan::Cubic},      {"exponential", Plan::Exponential},
    {"initial", Plan::Initial},  {"lottery", Plan::Lottery},
    {"rigl", Plan::RigL},        {"set", Plan::SET}};

// One of some words, or an UsageError that lists them.
template <class Value, std::size_t N>
Value value_of(const char* option, const std::string& found,
               const std::pair<const char*, Value> (&choices)[N]) {
  std::string known;
  for (const auto& [word, value] : choices) {
    if (found == word) return value;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  throw UsageError(std::string(option) + ": found '" + found + "', expected one of " + known);
}

// "4x4" or "2:4".
std::pair<int, int> two_numbers(const char* option, const std::string& text, char between) {
  const std::size_t at = text.find(between);
  int a = 0, b = 0;
  const char *begin = text.data(), *end = begin + text.size();
  const bool fine = at != std::string::npos &&
                    std::from_chars(begin, begin + at, a).ptr == begin + at &&
                    std::from_chars(begin + at + 1, end, b).ptr == end && a >= 1 && b >= 1 &&
                    a <= 4096 && b <= 4096;
  if (!fine)
    throw UsageError(std::string(option) + ": found '" + text + "', expected two numbers such as " +
                     (between == 'x' ? "4x4" : "2:4"));
  return {a, b};
}

std::map<std::string, double> ratios_of(const std::vector<std::string>& given) {
  std::map<std::string, double> ratios;
  for (const std::string& text : given) {
    const std::size_t at = text.find('=');
    double ratio = 0;
    const char* end = text.data() + text.size();
    if (at == std::string::npos || at == 0 || at + 1 == text.size() ||
        std::from_chars(text.data() + at + 1, end, ratio).ptr != end)
      throw UsageError("--ratio: found '" + text + "', expected a layer and its ratio: conv1=0.3");
    ratios[text.substr(0, at)] = ratio;
  }
  return ratios;
}

template <class Make>
auto or_usage(const char* option, const Make& make) {
  try {
    return make();
  } catch (const Error& error) {
    throw UsageError(std::string("--") + option + ": " + error.what());
  }
}

pruning::Criterion criterion_of(const PruneOptions& o) {
  if (o.criterion == "threshold") {
    if (o.threshold.has_value() == o.deviations.has_value())
      throw UsageError(
          "--criterion threshold: expected either --threshold or --deviations to say what goes");
    return o.threshold ? pruning::threshold(*o.threshold) : pruning::threshold(*o.deviations, true);
  }
  if (o.threshold || o.deviations)
    throw UsageError("--threshold: found criterion " + o.criterion +
                     ", expected criterion threshold");
  return or_usage("criterion", [&] { return pruning::criterion(o.criterion); });
}

}  // namespace

std::vector<std::string> structure_names() {
  return {"weight", "block", "n:m", "neuron", "filter", "layer"};
}

void add_prune_options(CLI::App& command, PruneOptions& o) {
  std::vector<std::string> criteria = pruning::criterion_names(), schedules;
  criteria.push_back("threshold");
  for (const auto& [word, plan] : kPlans) schedules.emplace_back(word);
  command.option_defaults()->group("What goes");
  command.add_option("--structure", o.structure, "What goes together")
      ->check(one_of(structure_names()));
  command.add_option("--criterion", o.criterion, "By what it is judged")->check(one_of(criteria));
  command.add_option("--sparsity", o.sparsity,
                     "Share to be pruned, from 0 to below 1, of the network of --relative-to");
  command
      .add_option("--relative-to", o.relative_to,
                  "Network that shares are of: before any pruning, or as it is in the file")
      ->check(one_of({"original", "current"}));
  command.add_option("--threshold", o.threshold, "What lies below goes (criterion threshold)");
  command.add_option("--deviations", o.deviations,
                     "The same in standard deviations of the layer's weights");
  command.add_option("--pictures", o.pictures,
                     "Training pictures that a criterion judges by, in whole batches of 128");
  command.add_option("--block", o.block, "Rows and columns of a block (structure block)");
  command.add_option("--pattern", o.pattern, "How many of how many stay (structure n:m)");
  command.option_defaults()->group("Against whom");
  command.add_option("--scope", o.scope, "The same share everywhere, or one ranking over all")
      ->check(one_of({"local", "global"}));
  command.add_option("--count", o.count, "What a share counts")
      ->check(one_of({"sets", "weights", "macs"}));
  command.add_option("--normalise", o.normalise, "Layers are compared by scores divided by their")
      ->check(one_of({"none", "mean", "norm"}));
  command.add_option("--ratio", o.ratios, "A layer's own share: conv1=0.3; may be repeated");
  command.add_option("--only", o.only, "Layers to prune");
  command.add_option("--leave-out", o.leave_out, "Layers to leave as they are");
  command.add_option("--floor", o.floor, "Sets that every layer keeps at least");
  command.option_defaults()->group("When");
  command
      .add_option("--schedule", o.schedule,
                  "At once, step by step, before training (initial), with rewinding (lottery), "
                  "or moving all the way (rigl, set)")
      ->check(one_of(schedules));
  command.add_option("--pruning-epochs", o.pruning_epochs, "Epochs of a gradual schedule")
      ->default_str("half of them");
  command.add_option("--steps", o.steps, "Prunings of iterative, levels of lottery");
  command.add_option("--rewind-epoch", o.rewind_epoch,
                     "Epoch that lottery goes back to; 0: the initial weights");
  command.add_option("--compact-after", o.compact,
                     "Epochs of training after which what is gone leaves the network, so that the "
                     "others are faster; 0: at once");
  command.option_defaults()->group("Options");
}

Plan plan_of(const PruneOptions& o) { return value_of("--schedule", o.schedule, kPlans); }

bool is_gradual(Plan plan) {
  return plan == Plan::Iterative || plan == Plan::Cubic || plan == Plan::Exponential;
}

pruning::Method method_of(const PruneOptions& o) {
  using pruning::Count;
  using pruning::Normalise;
  constexpr std::pair<const char*, bool> kScopes[] = {{"local", false}, {"global", true}};
  constexpr std::pair<const char*, Count> kCounts[] = {
      {"sets", Count::Sets}, {"weights", Count::Weights}, {"macs", Count::Macs}};
  constexpr std::pair<const char*, Normalise> kNormalise[] = {
      {"none", Normalise::None}, {"mean", Normalise::Mean}, {"norm", Normalise::Norm}};
  pruning::Method method;
  method.structure = or_usage("structure", [&] { return pruning::structure(o.structure); });
  method.criterion = criterion_of(o);
  method.scope = {.global = value_of("--scope", o.scope, kScopes),
                  .normalise = value_of("--normalise", o.normalise, kNormalise),
                  .count = value_of("--count", o.count, kCounts),
                  .ratios = ratios_of(o.ratios),
                  .floor = o.floor};
  method.only = o.only;
  method.leave_out = o.leave_out;
  std::tie(method.block_rows, method.block_columns) = two_numbers("--block", o.block, 'x');
  std::tie(method.n, method.m) = two_numbers("--pattern", o.pattern, ':');
  check_option(o.floor >= 1, "--floor", o.floor, "1 or more");
  check_option(o.pictures >= 1, "--pictures", o.pictures, "1 or more");
  check_option(o.steps >= 1, "--steps", o.steps, "1 or more");
  check_option(o.rewind_epoch >= 0, "--rewind-epoch", o.rewind_epoch, "0 or more");
  if (o.compact) check_option(*o.compact >= 0, "--compact-after", *o.compact, "0 or more");
  sparsity_of(o);
  const Plan plan = plan_of(o);
  if (o.compact && plan == Plan::Lottery)
    throw UsageError(
        "--compact-after: found schedule lottery, expected another: its weights go back to the "
        "first ones");
  const bool by_ratio = !method.criterion.cut && method.structure != pruning::NM;
  if (!by_ratio && plan != Plan::OneShot)
    throw UsageError("--schedule: found '" + o.schedule + "', expected one-shot where a " +
                     (method.criterion.cut ? "threshold" : "pattern") + " decides what goes");
  check_option(by_ratio || o.relative_to == "original", "--relative-to", o.relative_to,
               "original where a threshold or a pattern decides what is pruned");
  if (plan == Plan::RigL || plan == Plan::SET) {
    const char* expected = "none with --schedule rigl and set, which have rules of their own";
    check_option(o.criterion == "magnitude", "--criterion", o.criterion, expected);
    check_option(o.scope == "local", "--scope", o.scope, expected);
    check_option(o.ratios.empty(), "--ratio", o.ratios.empty() ? "" : o.ratios[0], expected);
    check_option(o.floor == 1, "--floor", o.floor, expected);
  }
  if ((plan == Plan::RigL || plan == Plan::SET) && method.structure != pruning::Weight)
    throw UsageError("--schedule " + o.schedule + ": found structure " + o.structure +
                     ", expected weight");
  if (method.criterion.refuses) {
    const std::string why = method.criterion.refuses(method.structure);
    if (!why.empty()) throw UsageError("--criterion " + o.criterion + ": " + why);
  }
  return method;
}

double sparsity_of(const PruneOptions& o) {
  const bool decided = o.criterion == "threshold" || o.structure == "n:m";
  if (decided && o.sparsity)
    throw UsageError("--sparsity: found " + std::to_string(*o.sparsity) +
                     ", expected none where a threshold or a pattern decides what goes");
  if (decided) return 0;
  if (!o.sparsity) throw UsageError("--sparsity: found none, expected the share that is to go");
  check_option(*o.sparsity >= 0 && *o.sparsity < 1, "--sparsity", *o.sparsity, "0 to below 1");
  return *o.sparsity;
}

pruning::Schedule schedule_of(const PruneOptions& o, int epochs) {
  const double span = o.pruning_epochs ? *o.pruning_epochs : 0.5 * epochs;
  check_option(span > 0 && span <= epochs, "--pruning-epochs", span,
               "more than 0, and no more than --epochs");
  const double sparsity = sparsity_of(o);
  const pruning::Span time{.begin = 0, .end = span, .every = std::min(0.25, span)};
  switch (plan_of(o)) {
    case Plan::Iterative:
      return pruning::iterative(sparsity, o.steps, time);
    case Plan::Cubic:
      return pruning::cubic(0, sparsity, time);
    default:
      return pruning::exponential(0, sparsity, time);
  }
}

}  // namespace espalier::cli
