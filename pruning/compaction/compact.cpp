// Compaction: tried on a copy, compared, then done.
#include "pruning/compaction/compact.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/autograd.h"
#include "core/error.h"
#include "core/rng.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

std::vector<float> outputs(const layers::Model& model, const Tensor& x) {
  const layers::EvaluationMode mode(model);
  const NoGrad off;
  return layers::outputs_of(model, x).to_vector();
}

// A difference that is no number counts as infinite, unless both values are the same.
double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    most = std::max(most, std::isnan(difference) ? INFINITY : difference);
  }
  return largest > 0 ? most / largest : most;
}

}  // namespace

Compaction compact(const layers::Model& model, const CompactOptions& options) {
  check(options.images >= 1, "compact: found ", options.images,
        " images at a time, expected at least 1");
  constexpr std::int64_t kProbes = 64;
  Rng rng(0);
  const Tensor probes =
      options.inputs.defined() ? options.inputs : Tensor::randn(model.batch_shape(kProbes), rng);
  layers::Model trial = model.clone();
  Compaction result;
  if (options.units) result.shrunk = shrink(trial);
  result.forms = choose_forms(trial, Tensor::randn(trial.batch_shape(options.images), rng),
                              {.format = options.format, .training = options.training});
  for (const LayerForm& form : result.forms) {
    Parameter weight = layers::weight_of(trial.find(form.layer));
    form.sparse ? weight.to_csr() : weight.to_dense();
  }
  result.max_error = relative_difference(outputs(model, probes), outputs(trial, probes));
  check(result.max_error <= kMostError, model.name().empty() ? "model" : model.name(),
        ": found outputs that compaction changes by ", result.max_error,
        " of the largest, expected at most ", kMostError);
  for (Parameter p : trial.parameters())
    if (p.mask() && std::find(p.mask(), p.mask() + p.numel(), 0) == p.mask() + p.numel())
      p.clear_mask();
  model.adopt(std::move(trial));
  return result;
}

std::string Compaction::table() const {
  const std::string units = shrunk.table(), layers = pruning::table(forms);
  return units + (units.empty() || layers.empty() ? "" : "\n") + layers;
}

std::string table(const std::vector<LayerForm>& forms) {
  if (forms.empty()) return "";
  std::size_t width = 5;
  for (const LayerForm& form : forms) width = std::max(width, form.layer.size());
  char line[192];
  std::snprintf(line, sizeof line, "%-*s  density   ms dense  ms sparse  chosen\n",
                static_cast<int>(width), "layer");
  std::string text = line;
  for (const LayerForm& form : forms) {
    const auto time = [](double ms) {
      char number[24] = "-";
      if (ms > 0) std::snprintf(number, sizeof number, "%.3f", ms);
      return std::string(number);
    };
    std::snprintf(line, sizeof line, "%-*s  %5.1f %%  %9s  %9s  %s\n", static_cast<int>(width),
                  form.layer.c_str(), 100 * form.density, time(form.dense_ms).c_str(),
                  time(form.sparse_ms).c_str(), form.sparse ? "sparse" : "dense");
    text += line;
  }
  return text;
}

}  // namespace espalier::pruning
