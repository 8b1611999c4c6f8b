// Proximal operators, one pass each.
#include "pruning/proximal.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

constexpr std::int64_t kGrain = 64 * 1024;  // elements that a thread takes at a time

constexpr std::pair<Penalty, const char*> kNames[] = {{Penalty::L0, "l0"},
                                                      {Penalty::L1, "l1"},
                                                      {Penalty::FilterL1, "filter-l1"},
                                                      {Penalty::GroupLasso, "group-lasso"},
                                                      {Penalty::BatchNormL1, "bn-l1"}};

void check_lambda(const char* what, double lambda) {
  check(lambda >= 0 && std::isfinite(lambda), what, ": found ", lambda,
        ", expected a number of 0 or more");
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// What the penalty is on; not defined for layers that it leaves alone.
Parameter penalised(layers::Module& layer, Penalty penalty) {
  if (auto* norm = dynamic_cast<layers::BatchNorm*>(&layer))
    return penalty == Penalty::BatchNormL1 ? norm->weight : Parameter();
  return penalty == Penalty::BatchNormL1 ? Parameter() : layers::weight_of(layer);
}

}  // namespace

void hard_threshold(Parameter weight, double lambda) {
  check_lambda("hard threshold", lambda);
  const float limit = static_cast<float>(std::sqrt(lambda));
  float* w = weight.mutable_data();
  parallel_ranges(weight.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) w[i] = std::abs(w[i]) <= limit ? 0 : w[i];
  });
}

void soft_threshold(Parameter weight, double lambda) {
  check_lambda("soft threshold", lambda);
  const float by = static_cast<float>(lambda / 2);
  float* w = weight.mutable_data();
  parallel_ranges(weight.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) {
      const float above = w[i] - by, below = w[i] + by;
      const float moved = w[i] > 0 ? above : below;
      w[i] = std::abs(w[i]) <= by ? 0 : moved;  // +0, never -0; NaN stays NaN
    }
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

const char* name(Penalty penalty) {
  for (const auto& [value, text] : kNames)
    if (value == penalty) return text;
  return "";
}

Penalty penalty(const std::string& name) {
  for (const auto& [value, text] : kNames)
    if (name == text) return value;
  fail("penalty: found '", name, "', expected l0, l1, filter-l1, group-lasso or bn-l1");
}

Regulariser::Regulariser(const layers::Model& model, const RegulariserOptions& options)
    : options_(options) {
  check_lambda("strength of the penalty", options.strength);
  for (const auto* list : {&options.only, &options.leave_out})
    for (const std::string& layer : *list) model.find(layer);
  for (const layers::Node& node : model.nodes()) {
    const Parameter parameter = penalised(*node.layer, options.penalty);
    if (parameter.defined() && (options.only.empty() || contains(options.only, node.name())) &&
        !contains(options.leave_out, node.name()))
      parameters_.push_back(parameter);
  }
  check(!parameters_.empty(), "penalty ", name(options.penalty),
        ": found no layer that it is meant for, expected at least one");
}

void Regulariser::step(double lr) const {
  check_lambda("learning rate of the penalty", lr);
  const double lambda = 2 * lr * options_.strength;
  for (const Parameter& parameter : parameters_) switch (options_.penalty) {
      case Penalty::L0:
        hard_threshold(parameter, lambda);
        break;
      case Penalty::GroupLasso:
        group_lasso(parameter, lambda);
        break;
      case Penalty::L1:
      case Penalty::FilterL1:
      case Penalty::BatchNormL1:
        soft_threshold(parameter, lambda);
        break;
    }
}

}  // namespace espalier::pruning
