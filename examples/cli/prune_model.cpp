// The ways to prune: once and then train, within a training, or around several.
//
// A pruning is what comes before its first training, that training, and in a lottery further
// trainings with a pruning before each. It may be interrupted within a training, or after one; all
// that the rest depends on stands in the checkpoint then.
#include "examples/cli/prune_model.h"

#include <cmath>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "examples/cli/command_line.h"
#include "examples/cli/compaction.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/prune_hooks.h"
#include "examples/cli/resume.h"
#include "examples/cli/scoring_batches.h"
#include "examples/cli/size.h"

namespace espalier::cli {
namespace {

// What shares are of stays what it was when the pruning began.
pruning::Method method_of(const PruneState& state) {
  pruning::Method method = method_of(state.options);
  if (state.options.relative_to == "current") method.scope.base = state.figures.base;
  return method;
}

std::string unit_of(const pruning::Method& method) {
  const pruning::Count count = method.scope.count;
  if (count == pruning::Count::Macs) return "multiply-adds";
  const bool each = method.structure == pruning::NM || count == pruning::Count::Weights;
  return each ? "weights" : pruning::name(method.structure) + std::string("s");
}

class Pruning {
 public:
  Pruning(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out)
      : checkpoint_(checkpoint),
        state_(*checkpoint.pruning),
        figures_(state_.figures),
        model_(checkpoint.model),
        data_(data),
        options_(state_.options),
        method_(method_of(state_)),
        plan_(plan_of(options_)),
        recipe_(state_.recipe),
        out_(out),
        sparsity_(sparsity_of(options_)),
        batches_(scoring_batches(data.train, normalisation(), options_.pictures, seed())) {}

  PruneReport run(const std::string& resumed) {
    if (resumed.empty()) {
      begin();
    } else {
      say("resumed " + position(checkpoint_));
      open_log(resumed);
      saved_ = resumed;
    }
    train();
    while (next_level()) train();
    if (recipe_.epochs == 0) finish_untrained();
    check(state_.finished, saved_,
          ": found a pruning whose trainings have all ended, expected one ",
          "that was interrupted");
    static_cast<PruneFigures&>(report_) = figures_;
    report_.unit = unit_of(method_);
    return report_;
  }

 private:
  const datasets::Normalisation& normalisation() const { return checkpoint_.input->normalisation; }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(recipe_.seed); }
  bool dynamic() const { return plan_ == Plan::RigL || plan_ == Plan::SET; }

  // Everything before the first training.
  void begin() {
    check_plan();
    const std::string state = cli::state_of(model_);
    pruning::expand(model_);
    figures_.dense = evaluate(model_, data_.test, normalisation());
    say(state + ": test " + paint(Style::Bold, figures_.dense.str()));
    switch (plan_) {
      case Plan::Initial:
        model_.initialize(seed());
        [[fallthrough]];
      case Plan::OneShot:
        begin_training();
        prune_now(sparsity_);
        break;
      case Plan::Lottery:
        state_.snapshot.emplace(model_);
        to_first_weights();
        checkpoint_.progress = Progress{*state_.origin};
        break;
      case Plan::RigL:
      case Plan::SET:
        to_first_weights();
        begin_training();
        set_masks();
        break;
      default:
        begin_training();
    }
    if (options_.compact == 0) compact(0);
  }

  void check_plan() const {
    const bool before_training = plan_ == Plan::OneShot || plan_ == Plan::Initial;
    if (recipe_.epochs == 0 && !before_training)
      throw UsageError("--schedule " + options_.schedule +
                       ": found --epochs 0, expected epochs to prune in");
    if (plan_ != Plan::Lottery && !dynamic()) return;
    check(state_.origin.has_value(), "--schedule ", options_.schedule,
          ": found a model without its recipe, expected one that this program has trained");
    check_option(plan_ != Plan::Lottery || options_.rewind_epoch < state_.origin->epochs,
                 "--rewind-epoch", options_.rewind_epoch, "fewer than the epochs of the training");
  }

  // A file that was only pruned keeps the training it had.
  void begin_training() {
    if (recipe_.epochs > 0) checkpoint_.progress = Progress{recipe_};
    forget_states();
  }

  void forget_states() {
    for (Parameter p : model_.parameters()) p.states().clear();
  }

  // The network's own first weights, as the recipe that trained it drew them.
  void to_first_weights() {
    model_.initialize(static_cast<std::uint64_t>(state_.origin->seed));
    forget_states();
  }

  // Evaluates what was pruned, with batch norm's statistics gathered anew.
  void evaluate_pruned(const layers::Model& model) {
    pruning::reestimate_batch_norm(model, batches_);
    figures_.before = evaluate(model, data_.test, normalisation());
    say("pruned: " + percent(figures_.outcome.achieved) + " gone, test " +
        paint(Style::Bold, figures_.before.str()));
  }

  void prune_now(double sparsity) {
    pruning::Evidence evidence(model_, batches_, seed());
    figures_.outcome = pruning::prune(model_, method_, sparsity, evidence);
    model_.update();
    evaluate_pruned(model_);
  }

  // Dynamic sparse training is at the final density all the way.
  void set_masks() {
    const std::vector<pruning::Candidates> lists = dynamic_lists(model_, method_);
    // Of the weights that there are, which may be fewer than the original ones.
    const double share =
        options_.relative_to == "current" ? sparsity_ : figures_.base.from_original(sparsity_);
    pruning::set_masks_at_random(
        lists, pruning::layer_sparsities(lists, share, pruning::Distribution::ErdosRenyiKernel),
        seed());
    figures_.outcome = pruning::outcome(model_, method_, sparsity_);
    // A copy: in the model itself training goes on with its own statistics.
    evaluate_pruned(model_.clone());
  }

  // Prune, rewind, train, and again: 1 - (1 - s)^(level / levels) is gone after each level. False
  // where there is no further level.
  bool next_level() try {
    if (plan_ != Plan::Lottery || state_.level == options_.steps) return false;
    if (state_.level == 0) {  // from here on, the snapshot is what levels go back to
      pruning::Snapshot beginning(model_);
      state_.snapshot->restore(model_);
      state_.snapshot = std::move(beginning);
    }
    ++state_.level;
    prune_now(pruning::sparsity_between(0, sparsity_,
                                        static_cast<double>(state_.level) / options_.steps));
    state_.snapshot->restore(model_);
    begin_training();
    say("level " + std::to_string(state_.level) + " of " + std::to_string(options_.steps) +
        ": back at epoch " + std::to_string(options_.rewind_epoch));
    log().write({{"event", "level"},
                 {"level", state_.level},
                 {"sparsity", figures_.outcome.achieved},
                 {"accuracy_before_rewinding", figures_.before.accuracy()}});
    return true;
  } catch (const Interrupted&) {
    if (saved_.empty()) throw;
    throw Interrupted("interrupted before level " + std::to_string(state_.level) + " of " +
                      std::to_string(options_.steps) + "; " + saved_ +
                      " holds it all, go on with: " + resume_command(checkpoint_, saved_, out_));
  }

  // The epoch after which the training at hand ends; 0: there is none.
  int last_epoch() const {
    return plan_ == Plan::Lottery && state_.level == 0 ? options_.rewind_epoch : recipe_.epochs;
  }
  bool last_training() const { return plan_ != Plan::Lottery || state_.level == options_.steps; }

  void train() {
    if (last_epoch() == 0 || checkpoint_.progress->epochs_done >= last_epoch()) return;
    TrainOptions options;
    options.stop_after = last_epoch();
    options.masks = !options_.compact;
    if (dynamic())
      options.hooks = dynamic_hooks(model_, method_, plan_, recipe_.epochs, seed());
    else if (is_gradual(plan_))
      options.hooks = gradual_hooks(model_, method_, schedule_of(options_, recipe_.epochs), seed(),
                                    [this](const auto&... seen) { see_pruning(seen...); });
    options.after_epoch = [this](const EpochReport& report) { return after_epoch(report); };
    report_.last = train_model(checkpoint_, data_, out_, log(), options);
    report_.trained = true;
    saved_ = out_;
  }

  void see_pruning(const pruning::Outcome& outcome, double epoch, bool end) {
    figures_.outcome = outcome;
    if (!end) return;
    evaluate_pruned(model_.clone());
    figures_.before_epoch = epoch;
  }

  std::vector<Json> after_epoch(const EpochReport& report) {
    std::vector<Json> events;
    if (options_.compact && report.epoch >= *options_.compact)
      events.push_back(compact(report.epoch));
    if (report.epoch < recipe_.epochs || !last_training()) return events;
    if (dynamic()) figures_.outcome = pruning::outcome(model_, method_, sparsity_);
    state_.finished = true;
    events.push_back(end_event(report.test));
    return events;
  }

  // What is gone leaves the network; the optimiser goes on with what is left of its state. Where
  // masks move on, this is done after every epoch. What may grow back keeps its place to the end.
  Json compact(int epoch) {
    const pruning::Compaction done =
        pruning::compact(model_, {.units = !dynamic() || epoch == recipe_.epochs,
                                  .training = epoch < recipe_.epochs,
                                  .images = recipe_.batch});
    say("compacted after epoch " + std::to_string(epoch) + ": " +
        with_commas(layers::summary(model_).total.parameters) + " parameters left");
    Json event{{"event", "compact"}, {"epoch", epoch}};
    event.update(json_of(done));
    return event;
  }

  void open_log(const std::string& resumed) {
    Json first{{"event", "prune"},
               {"pruning", to_json(options_)},
               {"accuracy_dense", figures_.dense.accuracy()}};
    if (plan_ != Plan::Lottery && figures_.before.images > 0)  // else it is measured later
      first.update({{"accuracy_before_finetune", figures_.before.accuracy()},
                    {"epochs_before_finetune", figures_.before_epoch}});
    log_.emplace(begin_log(checkpoint_, data_, out_, resumed, first));
  }
  Log& log() {  // not before there is something to write: then an old one stays
    if (!log_) open_log("");
    return *log_;
  }

  // What pruning came to.
  Json end_event(const Evaluation& after) const {
    return {{"event", "pruned"},
            {"sparsity", figures_.outcome.achieved},
            {"accuracy_dense", figures_.dense.accuracy()},
            {"accuracy_before_finetune", figures_.before.accuracy()},
            {"epochs_before_finetune", figures_.before_epoch},
            {"accuracy", after.accuracy()},
            {"test_images", after.images}};
  }

  void finish_untrained() {
    state_.finished = true;
    save_checkpoint(checkpoint_, out_, !options_.compact);
    Log log(out_);
    log.write({{"event", "prune"},
               {"command", command_line()},
               {"model", model_.name()},
               {"data", data_.name},
               {"pruning", to_json(options_)},
               {"seed", recipe_.seed},
               {"system", describe()}});
    log.write(end_event(figures_.before), &model_);
    log.commit();
  }

  Checkpoint& checkpoint_;
  PruneState& state_;
  PruneFigures& figures_;
  const layers::Model& model_;
  const datasets::Data& data_;
  const PruneOptions& options_;
  pruning::Method method_;
  Plan plan_;
  const Recipe& recipe_;
  const std::string& out_;
  double sparsity_;
  std::vector<pruning::Examples> batches_;
  std::optional<Log> log_;
  std::string saved_;  // the checkpoint to go on from; empty: there is none yet
  PruneReport report_;
};

}  // namespace

void begin_pruning(Checkpoint& checkpoint, const ModelSource& source, const PruneOptions& options,
                   const Recipe& recipe) {
  checkpoint.pruning = PruneState{.file = source.file,
                                  .file_hash = hash_of_file(source.file),
                                  .model = source.model,
                                  .weights = layers::fingerprint(checkpoint.model),
                                  .options = options,
                                  .recipe = recipe,
                                  .origin = {}};
  if (checkpoint.progress) checkpoint.pruning->origin = checkpoint.progress->recipe;

  const pruning::Method method = method_of(options);
  const auto lists = pruning::candidates(checkpoint.model, pruning::target_of(method));
  PruneFigures& figures = checkpoint.pruning->figures;
  figures.base = pruning::base_of(checkpoint.model, lists, method.scope.count);
  figures.original = pruning::original_count(checkpoint.model, lists, method.scope.count);
}

PruneReport prune_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        const std::string& resumed) {
  return Pruning(checkpoint, data, out).run(resumed);
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

}  // namespace espalier::cli
