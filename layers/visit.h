// Visit: what is done with the state of all layers of a network: listing, first values, copying.
#pragma once

#include <memory>
#include <vector>

#include "layers/graph.h"

namespace espalier::layers {

// Shows the state of every layer, under full dotted names, in the order of the nodes.
void visit_state(const Graph& graph, StateVisitor& visitor);

// In that order.
std::vector<Parameter> parameters_of(const Graph& graph);
std::vector<Parameter> parameters_of(Module& layer);

// Gives every parameter its full dotted name.
void name_parameters(const Graph& graph);

// Gives memory to the state that has none yet and first values to all of it: each layer draws from
// a stream of its own that depends on the generator's seed and the layer's name alone, so adding a
// layer does not change the others.
void initialize(const Graph& graph, const Rng& rng);

// A deep copy: values, masks, optimiser state, buffers, modes. Nothing that changes is shared with
// the original: patterns never do.
std::shared_ptr<Module> clone(const Module& layer);
Parameter clone(const Parameter& parameter);

}  // namespace espalier::layers
