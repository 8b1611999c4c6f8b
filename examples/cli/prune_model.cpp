// The ways to prune: once and then train, within a training, or around several.
#include "examples/cli/prune_model.h"

#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "examples/cli/command_line.h"
#include "examples/cli/compaction.h"
#include "examples/cli/console.h"
#include "examples/cli/log.h"
#include "examples/cli/size.h"

namespace espalier::cli {
namespace {

class Pruning {
 public:
  Pruning(Checkpoint& checkpoint, const datasets::Data& data, const PruneOptions& options,
          const Recipe& recipe, const std::string& out)
      : checkpoint_(checkpoint),
        model_(checkpoint.model),
        data_(data),
        options_(options),
        method_(method_of(options)),
        plan_(plan_of(options)),
        recipe_(recipe),
        out_(out),
        sparsity_(sparsity_of(options)),
        batches_(scoring_batches(data.train, normalisation(), options.pictures, seed())) {}

  PruneReport run() {
    origin_ = checkpoint_.progress;
    const std::string state = state_of(model_);
    pruning::expand(model_);
    find_base();
    report_.dense = evaluate(model_, data_.test, normalisation());
    say(state + ": test " + paint(Style::Bold, report_.dense.str()));
    begin_training();
    switch (plan_) {
      case Plan::OneShot:
        prune_now(sparsity_);
        train();
        break;
      case Plan::Initial:
        model_.initialize(seed());
        prune_now(sparsity_);
        train();
        break;
      case Plan::Lottery:
        draw_tickets();
        break;
      case Plan::RigL:
      case Plan::SET:
        train_sparse();
        break;
      default:
        train_gradually();
    }
    if (!report_.trained) {
      if (options_.compact) compact(0);
      save_checkpoint(checkpoint_, out_, !options_.compact);
    }
    write_end();
    return report_;
  }

 private:
  const datasets::Normalisation& normalisation() const { return checkpoint_.input->normalisation; }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(recipe_.seed); }

  // What shares are of, and what the output says of them.
  void find_base() {
    const auto lists = pruning::candidates(model_, pruning::target_of(method_));
    const pruning::Count count = method_.scope.count;
    report_.base = pruning::base_of(model_, lists, count);
    report_.original = pruning::original_count(model_, lists, count);
    const bool each = method_.structure == pruning::NM || count == pruning::Count::Weights;
    report_.unit = count == pruning::Count::Macs ? "multiply-adds"
                   : each                        ? "weights"
                          : pruning::name(method_.structure) + std::string("s");
    if (options_.relative_to == "current") method_.scope.base = report_.base;
  }

  // A file that was only pruned keeps the training it had.
  void begin_training() {
    if (recipe_.epochs > 0) checkpoint_.progress = Progress{recipe_};
    for (Parameter p : model_.parameters()) p.states().clear();
  }

  // Evaluates what was pruned, with batch norm's statistics gathered anew.
  void evaluate_pruned(const layers::Model& model) {
    pruning::reestimate_batch_norm(model, batches_);
    report_.before = evaluate(model, data_.test, normalisation());
    say("pruned: " + percent(report_.outcome.achieved) + " gone, test " +
        paint(Style::Bold, report_.before.str()));
  }

  // What pruning came to, as the log's last line; where nothing was trained, the first one, too.
  void write_end() const {
    Log log(out_, report_.trained ? log_lines(out_) : std::vector<std::string>());
    log.commit();
    if (!report_.trained)
      log.write({{"event", "prune"},
                 {"command", command_line()},
                 {"model", model_.name()},
                 {"data", data_.name},
                 {"pruning", to_json(options_)},
                 {"seed", recipe_.seed},
                 {"system", describe()}});
    log.write({{"event", "pruned"},
               {"sparsity", report_.outcome.achieved},
               {"accuracy_dense", report_.dense.accuracy()},
               {"accuracy_before_finetune", report_.before.accuracy()},
               {"epochs_before_finetune", report_.before_epoch},
               {"accuracy", report_.after().accuracy()},
               {"test_images", report_.after().images}},
              &model_);
  }

  void prune_now(double sparsity) {
    pruning::Evidence evidence(model_, batches_, seed());
    report_.outcome = pruning::prune(model_, method_, sparsity, evidence);
    model_.update();
    evaluate_pruned(model_);
  }

  void train(const TrainOptions& options = {}) {
    if (recipe_.epochs == 0) return;
    TrainOptions with_event = options;
    if (!with_event.keep_log) {
      with_event.event = {{"event", "prune"},
                          {"pruning", to_json(options_)},
                          {"accuracy_dense", report_.dense.accuracy()}};
      if (report_.before.images > 0)  // at once; along a schedule it is measured later
        with_event.event.update({{"accuracy_before_finetune", report_.before.accuracy()},
                                 {"epochs_before_finetune", 0}});
    }
    if (options_.compact && *options_.compact > 0)
      with_event.lost = "; espalier compact then takes out what is gone";
    if (options_.compact) {
      with_event.masks = false;
      if (*options_.compact == 0) compact(0);
      with_event.after_epoch = [this](const EpochReport& report) {
        return report.epoch >= *options_.compact ? compact(report.epoch) : Json();
      };
    }
    report_.last = train_model(checkpoint_, data_, out_, 0, with_event);
    report_.trained = true;
  }

  // What is gone leaves the network; the optimiser goes on with what is left of its state. Where
  // masks move on, this is done after every epoch. What may grow back keeps its place to the end.
  Json compact(int epoch) {
    const bool dynamic = plan_ == Plan::RigL || plan_ == Plan::SET;
    const pruning::Compaction done =
        pruning::compact(model_, {.units = !dynamic || epoch == recipe_.epochs,
                                  .training = epoch < recipe_.epochs,
                                  .images = recipe_.batch});
    say("compacted after epoch " + std::to_string(epoch) + ": " +
        with_commas(layers::summary(model_).total.parameters) + " parameters left");
    Json event{{"event", "compact"}, {"epoch", epoch}};
    event.update(json_of(done));
    return event;
  }

  // Masks move while training runs.
  void train_gradually() {
    if (recipe_.epochs == 0)
      throw UsageError("--schedule " + options_.schedule +
                       ": found --epochs 0, expected epochs to prune in");
    const pruning::Schedule schedule = schedule_of(options_, recipe_.epochs);
    pruning::Pruner pruner(model_, method_, schedule, pruning::PrunerOptions().batches, seed());
    train({.after_step =
               [&](const datasets::Batch& batch) {
                 if (!pruner.step(batch)) return;
                 report_.outcome = pruner.last();
                 const double epoch = static_cast<double>(batch.step + 1) /
                                      static_cast<double>(batch.steps_per_epoch);
                 // A copy: in the model itself training goes on with its own statistics.
                 if (schedule.at(epoch) != schedule.final()) return;
                 evaluate_pruned(model_.clone());
                 report_.before_epoch = epoch;
               },
           .resumable = false});
  }

  // The network's own first weights, or those after some epochs, by the recipe that trained it.
  void to_beginning(int epochs) {
    check(origin_.has_value(), "--schedule ", options_.schedule,
          ": found a model without its recipe, expected one that this program has trained");
    model_.initialize(static_cast<std::uint64_t>(origin_->recipe.seed));
    for (Parameter p : model_.parameters()) p.states().clear();
    if (epochs == 0) return;
    check_option(epochs < origin_->recipe.epochs, "--rewind-epoch", epochs,
                 "fewer than the epochs of the training");
    Progress progress{origin_->recipe};
    TrainHooks hooks;
    hooks.after_epoch = [&](const EpochReport& report) {
      say("again: " + line_of(report, origin_->recipe.epochs));
      return report.epoch < epochs;
    };
    cli::train(model_, data_, normalisation(), progress, hooks);
  }

  // Prune, rewind, train, and again: 1 - (1 - s)^(level / levels) is gone after each level.
  void draw_tickets() {
    const layers::Model trained = model_.clone();
    to_beginning(options_.rewind_epoch);
    const pruning::Snapshot beginning(model_);
    pruning::Snapshot(trained).restore(model_);
    for (int level = 1; level <= options_.steps; ++level) {
      const double sparsity =
          pruning::sparsity_between(0, sparsity_, static_cast<double>(level) / options_.steps);
      prune_now(sparsity);
      beginning.restore(model_);
      begin_training();
      say("level " + std::to_string(level) + " of " + std::to_string(options_.steps) +
          ": back at epoch " + std::to_string(options_.rewind_epoch));
      train({.keep_log = level > 1,
             .event = {{"event", "level"},
                       {"level", level},
                       {"sparsity", report_.outcome.achieved},
                       {"accuracy_before_rewinding", report_.before.accuracy()}},
             .resumable = false});
    }
  }

  // Dynamic sparse training: from the first weights, at the final density all the way.
  void train_sparse() {
    constexpr std::int64_t kEvery = 100;  // steps between updates
    constexpr double kUntil = 0.75;       // share of the training
    to_beginning(0);
    begin_training();
    const std::vector<pruning::Candidates> lists = pruning::candidates(
        model_,
        {.structure = pruning::Weight, .only = method_.only, .leave_out = method_.leave_out});
    // Of the weights that there are, which may be fewer than the original ones.
    const double share =
        options_.relative_to == "current" ? sparsity_ : report_.base.from_original(sparsity_);
    pruning::set_masks_at_random(
        lists, pruning::layer_sparsities(lists, share, pruning::Distribution::ErdosRenyiKernel),
        seed());
    report_.outcome = pruning::outcome(model_, method_, sparsity_);
    evaluate_pruned(model_.clone());
    std::optional<pruning::Expanded> expanded;
    std::optional<pruning::DenseGradients> dense;
    const auto after_step = [&](const datasets::Batch& batch) {
      const std::int64_t done = batch.step + 1;
      const double fraction = pruning::rigl_fraction(
          static_cast<double>(done), 0,
          kUntil * static_cast<double>(batch.steps_per_epoch * recipe_.epochs));
      if (done % kEvery == 0 && fraction > 0)
        pruning::regrow(
            lists, {.fraction = fraction,
                    .grow = plan_ == Plan::RigL ? pruning::Grow::Gradient : pruning::Grow::Random,
                    .seed = seed() + static_cast<std::uint64_t>(done)});
      dense.reset();
      expanded.reset();
      // The next update moves masks; RigL wants the gradient of what is masked as well.
      if ((done + 1) % kEvery != 0) return;
      expanded.emplace(model_);
      if (plan_ == Plan::RigL) dense.emplace(lists);
    };
    train({.after_step = after_step, .resumable = false});
    report_.outcome = pruning::outcome(model_, method_, sparsity_);
  }

  Checkpoint& checkpoint_;
  const layers::Model& model_;
  const datasets::Data& data_;
  const PruneOptions& options_;
  pruning::Method method_;
  Plan plan_;
  const Recipe& recipe_;
  const std::string& out_;
  double sparsity_;
  std::vector<pruning::Examples> batches_;
  std::optional<Progress> origin_;
  PruneReport report_;
};

}  // namespace

PruneReport prune_model(Checkpoint& checkpoint, const datasets::Data& data,
                        const PruneOptions& options, const Recipe& recipe, const std::string& out) {
  return Pruning(checkpoint, data, options, recipe, out).run();
}

Recipe fine_tuning(const Checkpoint& checkpoint, const datasets::Data& data) {
  Recipe recipe = checkpoint.progress ? checkpoint.progress->recipe
                                      : default_recipe(checkpoint.model.name(), data);
  recipe.epochs = 4;
  recipe.lr = checkpoint.progress ? 0.3 * recipe.lr : 0.03;
  recipe.schedule = "cosine";
  recipe.warmup = 0;
  recipe.momentum_cycle = 0;
  return recipe;
}

std::vector<pruning::Examples> scoring_batches(const datasets::Dataset& train,
                                               const datasets::Normalisation& normalisation,
                                               std::int64_t pictures, std::uint64_t seed) {
  constexpr int kBatch = 128;
  std::vector<pruning::Examples> batches;
  const int batch = static_cast<int>(std::min<std::int64_t>(kBatch, pictures));
  datasets::Loader loader(train, 1, {.batch = batch, .seed = seed, .normalisation = normalisation});
  for (const datasets::Batch& b : loader) {
    batches.push_back({b.images, {b.labels.begin(), b.labels.end()}});
    pictures -= static_cast<std::int64_t>(b.labels.size());
    if (pictures < batch) break;
  }
  return batches;
}

std::string sparsity_text(const PruneReport& report) {
  const double achieved = report.outcome.achieved;
  std::string text = "sparsity " + percent(achieved) + " of the original network's " +
                     with_commas(std::llround(report.original)) + " " + report.unit;
  if (report.base.pruned > 0)
    text += "; " + percent(report.base.from_original(achieved)) + " of the " +
            with_commas(std::llround(report.original * (1 - report.base.pruned))) + " in the file";
  return text;
}

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

}  // namespace espalier::cli
