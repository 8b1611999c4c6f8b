// Visit: what the layers of a network keep, as a list, and what is done with all of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/graph.h"

namespace espalier::layers {

// Something that a layer keeps: see StateVisitor, by which it says so.
struct StateItem {
  std::string name;                // with the layer's, where there is one: "conv1.weight"
  Shape shape = {};                // that it is to have
  Tensor* tensor = nullptr;        // of a parameter or buffer
  Parameter* parameter = nullptr;  // the same, of a parameter
  bool any_format = false;         // what is shown as a weight
  std::int64_t* counter = nullptr;
};
std::vector<StateItem> state_of(Module& layer, const std::string& path = "");
std::vector<StateItem> state_of(const Graph& graph);  // in the order of the nodes

// Shows all of it under full names.
void visit_state(const Graph& graph, StateVisitor& visitor);

std::vector<Parameter> parameters_of(const Graph& graph);
std::vector<Parameter> parameters_of(Module& layer);

// Its bytes; empty where there is none.
std::span<const std::uint8_t> mask_bytes(const Parameter& parameter);

// A deep copy: values, masks, optimiser state, buffers, modes. Nothing that changes is shared with
// the original: patterns never do.
std::shared_ptr<Module> clone(const Module& layer);

}  // namespace espalier::layers
