// Layers by themselves: their shapes come from a walk through the model, their passes are called
// on a tape of one operation.
#include "examples/cli/bench_layers.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "core/autograd.h"
#include "core/ops/layout.h"
#include "examples/cli/progress_bar.h"
#include "examples/cli/stopwatch.h"
#include "layers/visit.h"

namespace espalier::cli {
namespace {

// One layer with its own copy of the weights.
class Subject {
 public:
  Subject(const layers::Module& layer, const Shape& input)
      : layer_(layers::clone(layer)), rng_(0), x_(to_lanes(Tensor::randn(input, rng_))) {
    parameters_ = layers::parameters_of(*layer_);
  }

  void forward() { layer_->forward(x_); }

  // A call of the way back, to the input or to the parameters. One or the other for each subject.
  std::function<void()> backward(bool to_input) {
    x_.set_requires_grad(to_input);
    for (Parameter& parameter : parameters_) parameter.set_requires_grad(!to_input);
    const Tensor y = layer_->forward(x_);
    const Tensor dy = to_layout(Tensor::randn(y.shape(), rng_), y.layout());
    return [this, y, dy] {
      const NoGrad off;
      x_.zero_grad();
      for (Parameter& parameter : parameters_) parameter.zero_grad();
      y.impl()->node->backward(dy);
    };
  }

 private:
  std::shared_ptr<layers::Module> layer_;
  std::vector<Parameter> parameters_;
  Rng rng_;
  Tensor x_;
};

// One pass of one layer, and what has been measured of it.
struct Contest {
  std::string layer;
  Pass pass;
  double operations;
  std::function<void()> call;
  std::vector<double> rates = {}, shares = {};

  // Peak and pass by turns, so that both see the same moments of a machine whose speed changes.
  void run_window(double seconds) {
    call();  // warm
    const double peak = measure_peak(seconds);
    const double start = work_seconds();
    double now = start;
    int calls = 0;
    do {
      call();
      ++calls;
      now = work_seconds();
    } while (now - start < seconds);
    rates.push_back(operations * calls / (now - start));
    shares.push_back(rates.back() / peak);
  }
};

}  // namespace

const char* name(Pass pass) {
  switch (pass) {
    case Pass::Forward:
      return "forward";
    case Pass::BackwardData:
      return "backward-data";
    default:
      return "backward-weights";
  }
}

std::vector<PassSpeed> bench_layers(const layers::Model& model, const LayerBenchOptions& options) {
  std::vector<std::unique_ptr<Subject>> subjects;
  std::vector<Contest> contests;
  model.graph().trace(model.batch_shape(options.batch), [&](layers::Module& layer,
                                                            const Shape& input, const Shape&) {
    const double operations = 2.0 * static_cast<double>(layer.macs(input).dense) * options.batch;
    if (operations == 0) return;
    const auto subject = [&] {
      subjects.push_back(std::make_unique<Subject>(layer, input));
      return subjects.back().get();
    };
    const auto add = [&](Pass pass, std::function<void()> call) {
      contests.push_back({layer.name(), pass, operations, std::move(call)});
    };
    const bool first = contests.empty();
    Subject* one = subject();
    add(Pass::Forward, [one] { one->forward(); });
    if (!first) add(Pass::BackwardData, subject()->backward(true));
    add(Pass::BackwardWeights, one->backward(false));
  });
  // Turn by turn through all of them: a slow moment of the machine then falls on each once, and not
  // on one layer in all its turns.
  ProgressBar bar("layers", options.windows * std::ssize(contests), "passes");
  for (int window = 0; window < options.windows; ++window)
    for (Contest& contest : contests) {
      contest.run_window(options.seconds);
      bar.advance(1);
    }
  std::vector<PassSpeed> speeds;
  for (Contest& c : contests)
    speeds.push_back({c.layer, c.pass, c.operations, median(c.rates), median(c.shares)});
  return speeds;
}

}  // namespace espalier::cli
