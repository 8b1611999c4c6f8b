// Every optimiser in every form that has formulas of its own: for tests that all have to pass.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "optim/adam.h"
#include "optim/sgd.h"

namespace espalier::testing {

using MakeOptimizer =
    std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Parameter>&)>;

struct OptimizerKind {
  const char* name;
  MakeOptimizer make;
  std::vector<const char*> states;
};

// Each optimiser, with weight decay and all state that it can have.
inline std::vector<OptimizerKind> optimizer_kinds() {
  using List = const std::vector<Parameter>&;
  return {
      {"sgd",
       [](List p) {
         return std::make_unique<optim::SGD>(p, optim::SGDOptions{.lr = 0.1, .weight_decay = 0.1});
       },
       {}},
      {"momentum",
       [](List p) {
         return std::make_unique<optim::SGD>(
             p, optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
       },
       {"momentum"}},
      {"nesterov",
       [](List p) {
         return std::make_unique<optim::SGD>(
             p,
             optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
       },
       {"momentum"}},
      {"adam",
       [](List p) {
         return std::make_unique<optim::Adam>(p,
                                              optim::AdamOptions{.lr = 0.1, .weight_decay = 0.1});
       },
       {"exp_avg", "exp_avg_sq"}},
      {"adam without eps",
       [](List p) {
         return std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 0.1, .eps = 0});
       },
       {"exp_avg", "exp_avg_sq"}},
      {"adamw",
       [](List p) {
         return std::make_unique<optim::AdamW>(p, optim::AdamWOptions{.weight_decay = 0.1});
       },
       {"exp_avg", "exp_avg_sq"}},
  };
}

}  // namespace espalier::testing
