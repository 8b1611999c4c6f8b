// A small network with masked weights, for the tests of sparse layers.
#pragma once

#include "layers/layers.h"
#include "tests/sparse_masks.h"

namespace espalier::testing {

inline const char* const kSparseLayers[] = {"conv1", "block.conv", "fc"};

// Two convolutions and a linear layer, each with a mask; the first bias has one too.
inline layers::Model masked_network() {
  using namespace layers;
  Sequential block{{"conv", Conv2d(8, 6, {.stride = 2, .padding = 1, .bias = false})},
                   {"relu", ReLU()}};
  const Model model(Sequential{{"conv1", Conv2d(3, 8, {.padding = 1})},
                               {"relu", ReLU()},
                               {"pool", MaxPool2d()},
                               {"block", std::move(block)},
                               {"flatten", Flatten()},
                               {"fc", Linear(54, 10)}},
                    {3, 12, 12}, 3, "small");
  for (const char* name : kSparseLayers) {
    Parameter weight = model.parameter(std::string(name) + ".weight");
    weight.set_mask(random_mask(weight.numel(), 0.3, 5));
  }
  Parameter bias = model.parameter("conv1.bias");
  bias.set_mask(random_mask(bias.numel(), 0.5, 6));
  return model;
}

// A copy whose weights are in CSR.
inline layers::Model sparse_copy(const layers::Model& dense) {
  const layers::Model model = dense.clone();
  for (const char* name : kSparseLayers) layers::weight_of(model.find(name)).to_csr();
  return model;
}
inline layers::Model dense_copy(const layers::Model& sparse) {
  const layers::Model model = sparse.clone();
  for (const char* name : kSparseLayers) layers::weight_of(model.find(name)).to_dense();
  return model;
}

}  // namespace espalier::testing
