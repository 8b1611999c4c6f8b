// Proximal operators, one pass each.
#include "pruning/proximal.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "layers/layers.h"
#include "pruning/candidates.h"

namespace espalier::pruning {
namespace {

constexpr std::int64_t kGrain = 64 * 1024;  // elements that a thread takes at a time

// In the order of Penalty.
constexpr const char* kNames[] = {"l0", "l1", "filter-l1", "group-lasso", "bn-l1"};

void check_lambda(const char* what, double lambda) {
  check(lambda >= 0 && std::isfinite(lambda), what, ": found ", lambda,
        ", expected a number of 0 or more");
}

// Writes what value(w) gives in the place of every w.
template <class Value>
void change(Parameter& weight, const Value& value) {
  float* w = weight.mutable_data();
  parallel_ranges(weight.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) w[i] = value(w[i]);
  });
}

// What the penalty is on; not defined for layers that it leaves alone.
Parameter penalised(layers::Module& layer, Penalty penalty) {
  if (penalty != Penalty::BatchNormL1) return layers::weight_of(layer);
  auto* norm = dynamic_cast<layers::BatchNorm*>(&layer);
  return norm ? norm->weight : Parameter();
}

}  // namespace

void hard_threshold(Parameter weight, double lambda) {
  check_lambda("hard threshold", lambda);
  const float limit = static_cast<float>(std::sqrt(lambda));
  change(weight, [limit](float w) { return std::abs(w) <= limit ? 0 : w; });
}

void soft_threshold(Parameter weight, double lambda) {
  check_lambda("soft threshold", lambda);
  const float by = static_cast<float>(lambda / 2);
  change(weight, [by](float w) {
    const float above = w - by, below = w + by;
    const float moved = w > 0 ? above : below;
    return std::abs(w) <= by ? 0 : moved;  // +0, never -0; NaN stays NaN
  });
}

void group_lasso(Parameter weight, double lambda) {
  check_lambda("group lasso", lambda);
  const std::int64_t rows = weight.size(0), columns = rows ? weight.numel() / rows : 0;
  float* w = weight.mutable_data();
  const std::int64_t grain = columns ? kGrain / columns + 1 : rows + 1;
  parallel_ranges(rows, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      float* const row = w + r * columns;
      double squares = 0;
#pragma omp simd reduction(+ : squares)
      for (std::int64_t i = 0; i < columns; ++i) squares += static_cast<double>(row[i]) * row[i];
      const double norm = std::sqrt(squares);
      if (norm <= lambda / 2) {
        std::fill_n(row, columns, 0.0f);
        continue;
      }
      const float scale = static_cast<float>(1 - lambda / (2 * norm));
#pragma omp simd
      for (std::int64_t i = 0; i < columns; ++i) row[i] *= scale;
    }
  });
}

const char* name(Penalty penalty) { return kNames[static_cast<int>(penalty)]; }

Penalty penalty(const std::string& name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  check(found != std::end(kNames), "penalty: found '", name,
        "', expected l0, l1, filter-l1, group-lasso or bn-l1");
  return static_cast<Penalty>(found - kNames);
}

Regulariser::Regulariser(const layers::Model& model, const RegulariserOptions& options)
    : options_(options) {
  check_lambda("strength of the penalty", options.strength);
  for (const auto* list : {&options.only, &options.leave_out})
    for (const std::string& layer : *list) model.find(layer);
  const Target target{.only = options.only, .leave_out = options.leave_out};
  for (const layers::Node& node : model.nodes()) {
    const Parameter parameter = penalised(*node.layer, options.penalty);
    if (parameter.defined() && target.takes({node.name()})) parameters_.push_back(parameter);
  }
  check(!parameters_.empty(), "penalty ", name(options.penalty),
        ": found no layer that it is meant for, expected at least one");
}

void Regulariser::step(double lr) const {
  check_lambda("learning rate of the penalty", lr);
  const auto apply = options_.penalty == Penalty::L0           ? hard_threshold
                     : options_.penalty == Penalty::GroupLasso ? group_lasso
                                                               : soft_threshold;
  for (const Parameter& parameter : parameters_) apply(parameter, 2 * lr * options_.strength);
}

}  // namespace espalier::pruning
