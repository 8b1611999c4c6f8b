// Sparse format: recording what each layer is given, timing both forms on it, and exchanging them.
#include "pruning/compaction/sparse_format.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

using layers::Epilogue;
using layers::Module;

constexpr const char* kNames[] = {"dense", "csr", "auto"};  // in the order of Format

// What a layer was given when the network ran.
struct Call {
  Tensor input, addend;
  Epilogue epilogue = {};
};

// The share of a layer's weights that is there; 1 where it has none.
double density_of(Module& layer) {
  const Parameter weight = layers::weight_of(layer);
  if (!weight.defined()) return 1;
  const std::int64_t kept = weight.mask()
                                ? std::count(weight.mask(), weight.mask() + weight.numel(), 1)
                            : weight.pattern() ? weight.numel()
                                               : weight.nonzero();
  return static_cast<double>(kept) / static_cast<double>(weight.dense_shape().numel());
}

// One form of one layer, ready to be called.
class Subject {
 public:
  Subject(const Module& layer, bool csr, const Call& call, bool training, bool to_input)
      : layer_(layers::clone(layer)), call_(call), training_(training) {
    Parameter weight = layers::weight_of(*layer_);
    csr ? weight.to_csr() : weight.to_dense();
    call_.input = to_lanes(call.input.detach());
    call_.input.set_requires_grad(training && to_input);
    // In training neither a batch norm nor a sum is part of the layer's pass.
    if (training && (call.epilogue.norm || call.addend.defined())) call_.epilogue = {};
    if (call_.epilogue.addend) call_.epilogue.addend = &call_.addend;
    // What is folded is kept for one layer's tensors.
    if (call_.epilogue.norm) call_.epilogue.norm = &folded_.emplace(call_.epilogue.norm->norm());
    parameters_ = layers::parameters_of(*layer_);
  }

  Subject(const Subject&) = delete;  // the epilogue's addend is this object's
  Subject& operator=(const Subject&) = delete;

  void run() {
    if (!training_) {
      const NoGrad off;
      forward();
      return;
    }
    sum(forward()).backward();
    call_.input.zero_grad();
    for (Parameter& p : parameters_) p.zero_grad();
  }

  // Milliseconds of the fastest of some calls: whatever else runs only adds.
  double time() {
    using Clock = std::chrono::steady_clock;
    constexpr double kWindow = 2;  // milliseconds
    constexpr int kCalls = 3;      // at least
    double fastest = std::numeric_limits<double>::infinity(), passed = 0;
    for (int calls = 0; calls < kCalls || passed < kWindow; ++calls) {
      const Clock::time_point start = Clock::now();
      run();
      const double one = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
      fastest = std::min(fastest, one);
      passed += one;
    }
    return fastest;
  }

 private:
  Tensor forward() {
    auto* fusing = dynamic_cast<layers::Fusing*>(layer_.get());
    return fusing ? fusing->forward_fused(call_.input, call_.epilogue)
                  : layer_->forward(call_.input);
  }

  std::shared_ptr<Module> layer_;
  Call call_;
  std::optional<layers::Folded> folded_;
  bool training_;
  std::vector<Parameter> parameters_;
};

struct Times {
  // Milliseconds, the fastest turn.
  double dense = std::numeric_limits<double>::infinity(), sparse = dense;
  std::vector<double> shares = {};  // the sparse time over the dense one, turn by turn
};

void time_turns(Subject& dense, Subject& sparse, int turns, Times& times) {
  dense.run(), sparse.run();  // warm
  for (int turn = 0; turn < turns; ++turn) {
    double one = 0, other = 0;
    if (turn % 2) other = sparse.time();  // neither is always the one that comes second
    one = dense.time();
    if (turn % 2 == 0) other = sparse.time();
    times.dense = std::min(times.dense, one);
    times.sparse = std::min(times.sparse, other);
    times.shares.push_back(other / one);
  }
}

Times time_both(const Module& layer, const Call& call, bool training, bool to_input) {
  constexpr int kCopies = 3;  // elsewhere in memory each, which alone may be worth some percent
  std::deque<Subject> dense, sparse;  // which stay where they are
  Times together, alone;
  for (int i = 0; i < kCopies; ++i) {
    dense.emplace_back(layer, false, call, training, to_input);
    sparse.emplace_back(layer, true, call, training, to_input);
    time_turns(dense.back(), sparse.back(), 5, together);
  }
  if (num_threads() == 1) return together;
  // Where other programs keep the processors, threads wait for each other until nothing can be
  // told apart. One thread alone, slower than all on a quiet machine, then tells more.
  const ThreadScope one(1);
  for (int i = 0; i < kCopies; ++i) time_turns(dense[i], sparse[i], 2, alone);
  return together.dense > alone.dense || together.sparse > alone.sparse ? alone : together;
}

}  // namespace

const char* name(Format format) { return kNames[static_cast<int>(format)]; }

Format format(const std::string& name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  check(found != std::end(kNames), "format: found '", name, "', expected dense, csr or auto");
  return static_cast<Format>(found - kNames);
}

bool prefers_sparse(std::vector<double> shares, bool now, double margin) {
  check(!shares.empty(), "prefers_sparse: found no measurement, expected at least one");
  std::sort(shares.begin(), shares.end());
  const std::size_t tail = shares.size() / 5;
  return now ? shares[tail] <= 1 / (1 - margin) : shares[shares.size() - 1 - tail] < 1 - margin;
}

std::vector<LayerForm> choose_forms(const layers::Model& model, const Tensor& inputs,
                                    const FormOptions& options) {
  std::vector<LayerForm> forms;
  model.graph().trace(model.batch_shape(1), [&](Module& layer, const Shape&, const Shape&) {
    const double density = density_of(layer);
    if (density < 1 || layers::is_sparse(layer))
      forms.push_back(
          {.layer = layer.name(), .density = density, .sparse = options.format == Format::CSR});
  });
  if (options.format != Format::Auto || forms.empty()) return forms;

  std::map<std::string, Call> calls;
  {
    const layers::EvaluationMode mode(model);
    const NoGrad off;
    model.run(inputs,
              [&](const layers::Plan::Step& step, const Tensor& input, const Epilogue& epilogue) {
                calls[model.nodes()[step.node].name()] = {
                    input, epilogue.addend ? *epilogue.addend : Tensor(), epilogue};
              });
  }
  static std::mutex measuring;  // one at a time: two would disturb each other
  const std::lock_guard lock(measuring);
  for (LayerForm& form : forms) {
    Module& layer = model.find(form.layer);
    const Call& call = calls.at(form.layer);
    const bool to_input = !same(call.input, inputs);
    // Everything that the times depend on but for the places of the nonzeros.
    const auto key = std::tuple(layer.type(), layer.config().values(), form.density,
                                call.input.shape().str(), call.epilogue.relu,
                                call.epilogue.max_pool, options.training, to_input, num_threads());
    static std::map<std::decay_t<decltype(key)>, Times> known;
    auto found = known.find(key);
    if (found == known.end())
      found = known.emplace(key, time_both(layer, call, options.training, to_input)).first;
    WatchProgress::tell({"timing", "layers", &form - forms.data() + 1, std::ssize(forms)});
    form.dense_ms = found->second.dense;
    form.sparse_ms = found->second.sparse;
    form.sparse = prefers_sparse(found->second.shares, layers::is_sparse(layer), options.margin);
  }
  return forms;
}

std::vector<std::string> sparse_layers(const layers::Model& model) {
  std::vector<std::string> names;
  for (const layers::Node& node : model.nodes())
    if (layers::is_sparse(*node.layer)) names.push_back(node.name());
  return names;
}

void expand(const layers::Model& model) {
  for (Parameter p : model.parameters()) p.to_dense();
}

Expanded::Expanded(const layers::Model& model) : model_(model), sparse_(sparse_layers(model)) {
  expand(model_);
}

Expanded::~Expanded() {
  for (const std::string& name : sparse_) layers::weight_of(model_.find(name)).to_csr();
}

}  // namespace espalier::pruning
