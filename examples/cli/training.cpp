// Training: the loop.
#include "examples/cli/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "core/text.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/progress_bar.h"

namespace espalier::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail_nonfinite(const layers::Model& model, const datasets::Batch& batch,
                                 const std::string& found) {
  const std::string layer = layers::first_nonfinite(model, batch.images);
  fail("training: found ", found, " in epoch ", batch.epoch + 1, ", step ", batch.step + 1,
       ", expected a finite number; the first layer with a value that is none is ",
       layer.empty() ? "the loss itself" : layer, " (a smaller --lr may help)");
}

void check_finite(const layers::Model& model, int epoch) {
  for (const Parameter& p : model.parameters())
    for (std::int64_t i = 0; i < p.numel(); ++i)
      if (!std::isfinite(p.data()[i])) [[unlikely]]
        fail("training: found ", p.data()[i], " in ", p.name(), " after epoch ", epoch,
             ", expected finite weights (a smaller --lr may help)");
}

// The averages become the weights. Their batch-norm statistics are those of other weights, and are
// gathered anew over an epoch's pictures.
void take_averages(const layers::Model& model, optim::Ema& ema, const datasets::Data& data,
                   const datasets::Normalisation& normalisation, const Recipe& recipe) {
  ema.swap();
  for (Parameter p : model.parameters()) p.states().erase("ema");
  if (model.buffers().empty()) return;
  const NoGrad off;
  for (auto& batch :
       datasets::epochs(data.train, 1, {.batch = recipe.batch, .normalisation = normalisation}))
    layers::outputs_of(model, batch.images);
}

// The loop, and what it keeps from step to step.
class Training {
 public:
  Training(const layers::Model& model, const datasets::Data& data,
           const datasets::Normalisation& normalisation, Progress& progress,
           const TrainHooks& hooks)
      : model_(model),
        data_(data),
        normalisation_(normalisation),
        progress_(progress),
        recipe_(progress.recipe),
        hooks_(hooks),
        optimizer_(make_optimizer(recipe_, model)),
        schedule_(make_schedule(recipe_)),
        momentum_schedule_(make_momentum_schedule(recipe_)),
        epoch_(progress.epoch) {
    optimizer_->set_steps(progress.steps_done);
    if (recipe_.ema > 0) ema_.emplace(model, recipe_.ema);
    if (recipe_.regulariser != "none")
      regulariser_.emplace(
          model, pruning::RegulariserOptions{.penalty = pruning::penalty(recipe_.regulariser),
                                             .strength = recipe_.strength});
  }

  EpochReport run() {
    const InterruptsWait wait;
    model_.train();
    datasets::Loader loader(data_.train, recipe_.epochs,
                            {.batch = recipe_.batch,
                             .crop = recipe_.crop,
                             .flip = recipe_.flip,
                             .seed = static_cast<std::uint64_t>(recipe_.seed),
                             .first_epoch = progress_.epochs_done,
                             .first_step = epoch_.steps - recalled(),
                             .normalisation = normalisation_});
    steps_ = loader.batches_per_epoch() * recipe_.epochs;
    check_continues(loader.batches_per_epoch());
    EpochReport last;
    for (auto& batch : loader) {
      if (batch.step < progress_.steps_done) {
        hooks_.recall(batch);
        continue;
      }
      if (!bar_) begin_epoch(batch.epoch + 1);
      step(batch);
      if (batch.last_of_epoch) {
        last = end_epoch(batch.epoch + 1);
        if (hooks_.after_epoch && !hooks_.after_epoch(last)) break;
      }
      if (interrupt_asked() && !progress_.finished()) interrupt(batch);
    }
    if (all_seconds_ > 0) last.images_per_second = static_cast<double>(all_images_) / all_seconds_;
    return last;
  }

 private:
  std::int64_t recalled() const {
    return hooks_.recall ? std::min<std::int64_t>(hooks_.recalls, epoch_.steps) : 0;
  }

  // Other data would have another number of steps.
  void check_continues(std::int64_t steps_per_epoch) const {
    check(epoch_.steps < steps_per_epoch &&
              progress_.steps_done == steps_per_epoch * progress_.epochs_done + epoch_.steps,
          "training: found ", progress_.steps_done, " steps in ", progress_.epochs_done,
          " epochs and ", epoch_.steps, " steps, expected ", steps_per_epoch,
          " steps an epoch, as these images make");
  }

  void begin_epoch(int epoch) {
    bar_.emplace("epoch " + std::to_string(epoch) + "/" + std::to_string(recipe_.epochs),
                 data_.train.size(), "images");
    bar_->begin_at(epoch_.images);
    start_ = Clock::now();
  }

  [[noreturn]] void interrupt(const datasets::Batch& batch) {
    bar_.reset();
    if (!batch.last_of_epoch) {
      epoch_.seconds += seconds_since(start_);
      progress_.epoch = epoch_;
      progress_.steps_done = optimizer_->steps();
    }
    if (hooks_.interrupted) hooks_.interrupted();
    throw Interrupted("interrupted in epoch " + std::to_string(batch.epoch + 1) +
                      "; nothing was written");
  }

  void step(const datasets::Batch& batch) {
    optimizer_->set_lr(schedule_.at(batch.step, steps_));
    if (momentum_schedule_)
      static_cast<optim::SGD&>(*optimizer_)
          .set_momentum(momentum_schedule_->at(batch.step, steps_));
    if (hooks_.before_step) hooks_.before_step(batch);
    const Tensor logits = layers::outputs_of(model_, batch.images);
    const Tensor loss = cross_entropy(
        logits, batch.labels, {.label_smoothing = static_cast<float>(recipe_.label_smoothing)});
    const double value = loss.item();
    if (!std::isfinite(value)) [[unlikely]]
      fail_nonfinite(model_, batch, "a loss of " + std::to_string(value));
    loss.backward();
    if (recipe_.clip > 0) {
      const double norm = optim::clip_grad_norm(model_, recipe_.clip);
      if (!std::isfinite(norm)) [[unlikely]]
        fail_nonfinite(model_, batch, "gradients with a norm of " + std::to_string(norm));
    }
    optimizer_->step();
    if (regulariser_) regulariser_->step(optimizer_->lr());
    if (ema_) ema_->update();
    if (hooks_.after_step) hooks_.after_step(batch);

    const auto count = static_cast<std::int64_t>(batch.labels.size());
    epoch_.loss += value * static_cast<double>(count);
    epoch_.correct += count_correct(logits, batch.labels);
    epoch_.images += count;
    ++epoch_.steps;
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", epoch_.loss / static_cast<double>(epoch_.images));
    bar_->advance(count, note);
  }

  EpochReport end_epoch(int epoch) {
    const double seconds = epoch_.seconds + seconds_since(start_);
    const double images = static_cast<double>(epoch_.images);
    bar_.reset();
    EpochReport report;
    report.epoch = epoch;
    report.loss = epoch_.loss / images;
    report.accuracy = static_cast<double>(epoch_.correct) / images;
    report.lr = optimizer_->lr();
    report.seconds = seconds;
    report.images_per_second = images / seconds;
    all_seconds_ += seconds;
    all_images_ += epoch_.images;
    epoch_ = progress_.epoch = {};

    check_finite(model_, epoch);
    progress_.epochs_done = epoch;
    progress_.steps_done = optimizer_->steps();
    report.test = test();
    return report;
  }

  // Of the averages where they are kept. After the last epoch they stay in the weights' place.
  Evaluation test() {
    if (ema_ && progress_.finished())
      take_averages(model_, *ema_, data_, normalisation_, recipe_);
    else if (ema_)
      ema_->swap();
    const Evaluation result = evaluate(model_, data_.test, normalisation_);
    if (ema_ && !progress_.finished()) ema_->swap();
    return result;
  }

  const layers::Model& model_;
  const datasets::Data& data_;
  const datasets::Normalisation& normalisation_;
  Progress& progress_;
  const Recipe& recipe_;
  const TrainHooks& hooks_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  optim::Schedule schedule_;
  std::optional<optim::Schedule> momentum_schedule_;  // of SGD only
  std::optional<optim::Ema> ema_;
  std::optional<pruning::Regulariser> regulariser_;
  std::int64_t steps_ = 0;  // of the whole training

  // Of the epoch that runs.
  std::optional<ProgressBar> bar_;
  Clock::time_point start_;
  EpochSoFar epoch_;

  // Of all epochs trained here.
  double all_seconds_ = 0;
  std::int64_t all_images_ = 0;
};

}  // namespace

EpochReport train(const layers::Model& model, const datasets::Data& data,
                  const datasets::Normalisation& normalisation, Progress& progress,
                  const TrainHooks& hooks) {
  return Training(model, data, normalisation, progress, hooks).run();
}

std::string line_of(const EpochReport& r, int epochs) {
  char text[200];
  std::snprintf(text, sizeof text,
                "epoch %*d/%d  loss %.4f  training %6.2f %%  test %s  lr %.4f  %s images/s",
                static_cast<int>(std::to_string(epochs).size()), r.epoch, epochs, r.loss,
                100 * r.accuracy, paint(Style::Bold, r.test.str()).c_str(), r.lr,
                with_commas(std::llround(r.images_per_second)).c_str());
  return text;
}

Json json_of(const EpochReport& r) {
  return {{"epoch", r.epoch},
          {"loss", r.loss},
          {"accuracy", r.accuracy},
          {"test_loss", r.test.loss},
          {"test_accuracy", r.test.accuracy()},
          {"test_images", r.test.images},
          {"lr", r.lr},
          {"seconds", r.seconds},
          {"images_per_second", r.images_per_second}};
}

}  // namespace espalier::cli
