// Whole models: the two loops that are timed, and the turns.
#include "examples/cli/bench_model.h"

#include <functional>
#include <memory>

#include "core/autograd.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "examples/cli/stopwatch.h"
#include "optim/sgd.h"

namespace espalier::cli {
namespace {

// Multiply-adds for one image: of the forward pass, and of the layer that has no way back to its
// input, the first.
struct Work {
  double forward = 0, first = 0;

  explicit Work(const layers::Model& model) {
    model.root().trace(model.batch_shape(1),
                       [this](layers::Module& layer, const Shape& input, const Shape&) {
                         const double macs = static_cast<double>(layer.macs(input).dense);
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

ModelSpeed bench_model(const layers::Model& model, const ModelBenchOptions& options) {
  const layers::Model still = model.clone();
  still.eval();
  const Work work(model);
  Rng rng(0);
  std::vector<Runner> runners;
  for (const int batch : options.batches) {
    runners.push_back(inference_runner(still, batch, work.inference(), rng));
    runners.push_back(training_runner(model, batch, work.training(), rng));
  }
  for (Runner& runner : runners)  // warm
    for (int i = 0; i < 3; ++i) runner.call();

  std::vector<double> peaks;
  for (int window = 0; window < options.windows; ++window)
    for (Runner& runner : runners) {
      peaks.push_back(measure_peak(0.01));
      runner.run_window(options.seconds, peaks.back());
    }

  ModelSpeed speed{median(peaks), {}};
  for (std::size_t i = 0; i < runners.size(); i += 2)
    speed.batches.push_back({runners[i].images, median(runners[i].rates),
                             median(runners[i + 1].rates), median(runners[i].shares),
                             median(runners[i + 1].shares)});
  return speed;
}

}  // namespace espalier::cli
