// Whole models: the two loops that are timed, and the turns.
#include "examples/cli/bench_model.h"

#include <cstdio>
#include <functional>
#include <memory>

#include "core/autograd.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "examples/cli/colour.h"
#include "examples/cli/progress_bar.h"
#include "examples/cli/stopwatch.h"
#include "layers/layers.h"
#include "optim/sgd.h"
#include "pruning/compaction/compact.h"

namespace espalier::cli {
namespace {

// Multiply-adds for one image: of the forward pass, and of the layer that has no way back to its
// input, the first.
struct Work {
  double forward = 0, first = 0;

  explicit Work(const layers::Model& model) {
    model.graph().trace(
        model.batch_shape(1), [this](layers::Module& layer, const Shape& input, const Shape&) {
          const layers::Macs all = layer.macs(input);
          const auto macs = static_cast<double>(layers::is_sparse(layer) ? all.nonzero : all.dense);
          if (forward == 0) first = macs;
          forward += macs;
        });
  }
  double inference() const { return 2 * forward; }
  double training() const { return 2 * (3 * forward - first); }
};

// Something to time that takes `images` images a call, and what was found.
struct Runner {
  int images;
  double work;  // floating-point operations an image
  std::function<void()> call;
  std::vector<double> rates, shares;

  void run_window(double seconds, double peak) {
    const double start = wall_seconds();
    double now = start;
    int calls = 0;
    do {
      call();
      ++calls;
      now = wall_seconds();
    } while (now - start < seconds);
    rates.push_back(images * calls / (now - start));
    shares.push_back(rates.back() * work / peak);
  }
};

Runner inference_runner(const layers::Model& model, int batch, double work, Rng& rng) {
  const Tensor pixels = Tensor::randn(model.batch_shape(batch), rng);
  return {batch,
          work,
          [=] {
            const NoGrad off;
            argmax(model(pixels));
          },
          {},
          {}};
}

// A network of its own, which the steps change.
Runner training_runner(const layers::Model& original, int batch, double work, Rng& rng) {
  const layers::Model model = original.clone();
  model.train();
  const auto optimizer = std::make_shared<optim::SGD>(
      model, optim::SGDOptions{.lr = 1e-4, .momentum = 0.9, .weight_decay = 5e-4});
  const Tensor pixels = Tensor::randn(model.batch_shape(batch), rng);
  std::vector<std::int32_t> labels;
  for (int i = 0; i < batch; ++i) labels.push_back(static_cast<std::int32_t>(i % model.outputs()));
  return {batch,
          work,
          [=] {
            const Tensor loss = cross_entropy(model(pixels), labels);
            loss.backward();
            optimizer->step();
            loss.item();
          },
          {},
          {}};
}

}  // namespace

std::vector<Variant> variants_of(const layers::Model& model, int batch) {
  using pruning::Format;
  const layers::Model masked = model.clone();
  pruning::expand(masked);
  bool pruned = false;
  for (const Parameter& p : masked.parameters()) pruned |= p.mask() != nullptr;
  if (!pruned) return {{model.origin() ? "compact" : "dense", model, model}};
  const layers::Model dense = masked.clone();
  for (Parameter p : dense.parameters()) p.clear_mask();
  std::vector<Variant> variants = {{"dense", dense, dense}, {"masked", masked, masked}};
  const layers::Model shrunk = masked.clone();
  if (pruning::shrink(shrunk).changed()) variants.push_back({"shrunk", shrunk, shrunk});
  const auto in_form = [&](Format format, bool training) {
    const layers::Model formed = masked.clone();
    pruning::compact(formed, {.format = format, .training = training, .images = batch});
    return formed;
  };
  const layers::Model csr = in_form(Format::CSR, false);
  if (!pruning::sparse_layers(csr).empty()) variants.push_back({"csr", csr, csr});
  variants.push_back({"compact", in_form(Format::Auto, false), in_form(Format::Auto, true)});
  return variants;
}

ModelSpeed bench_models(const std::vector<Variant>& variants, const ModelBenchOptions& options) {
  Rng rng(0);
  std::vector<Runner> runners;
  for (const Variant& variant : variants) {
    const layers::Model still = variant.inference.clone();
    still.eval();
    for (const int batch : options.batches) {
      runners.push_back(inference_runner(still, batch, Work(still).inference(), rng));
      if (options.training)
        runners.push_back(
            training_runner(variant.training, batch, Work(variant.training).training(), rng));
    }
  }
  ProgressBar bar("networks", (1 + options.windows) * std::ssize(runners), "windows");
  for (Runner& runner : runners) {  // warm
    for (int i = 0; i < 3; ++i) runner.call();
    bar.advance(1);
  }

  std::vector<double> peaks;
  for (int window = 0; window < options.windows; ++window)
    for (Runner& runner : runners) {
      peaks.push_back(measure_peak(0.01));
      runner.run_window(options.seconds, peaks.back());
      bar.advance(1);
    }

  ModelSpeed speed{median(peaks), {}};
  auto runner = runners.begin();
  for (const Variant& variant : variants) {
    speed.variants.push_back({variant.name, {}});
    for (const int batch : options.batches) {
      const Runner& inference = *runner++;
      BatchSpeed found{batch, median(inference.rates), 0, median(inference.shares), 0};
      if (options.training) {
        const Runner& training = *runner++;
        found.training = median(training.rates), found.training_share = median(training.shares);
      }
      speed.variants.back().batches.push_back(found);
    }
  }
  return speed;
}

namespace {

// Images a second, and how many times the first variant's; of several variants the fastest green.
std::string rate_of(const ModelSpeed& speed, std::size_t batch, const BatchSpeed& own,
                    double BatchSpeed::*rate, const char* pattern) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, own.*rate,
                own.*rate / (speed.variants[0].batches[batch].*rate));
  bool best = speed.variants.size() > 1;
  for (const VariantSpeed& other : speed.variants)
    best = best && other.batches[batch].*rate <= own.*rate;
  return best ? paint(Style::Green, text) : text;
}

}  // namespace

std::string text_of(const ModelSpeed& speed) {
  std::string text;
  char line[160];
  for (std::size_t b = 0; b < speed.variants[0].batches.size(); ++b) {
    const BatchSpeed& first = speed.variants[0].batches[b];
    std::snprintf(line, sizeof line, "batch %-5d  inference, images/s  of the peak", first.batch);
    text += line;
    text += "  training, images/s  of the peak\n";
    for (const VariantSpeed& variant : speed.variants) {
      const BatchSpeed& s = variant.batches[b];
      std::snprintf(line, sizeof line, "%-9s ", variant.name.c_str());
      text += line + rate_of(speed, b, s, &BatchSpeed::inference, "%10.0f %7.2fx");
      std::snprintf(line, sizeof line, "      %5.1f %% ", 100 * s.inference_share);
      text += line + rate_of(speed, b, s, &BatchSpeed::training, "%12.0f %6.2fx");
      std::snprintf(line, sizeof line, "      %5.1f %%\n", 100 * s.training_share);
      text += line;
    }
  }
  std::snprintf(line, sizeof line, "peak: %.1f GFLOP/s of multiply-adds", speed.peak * 1e-9);
  return text + line;
}

}  // namespace espalier::cli
