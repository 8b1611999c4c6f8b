// Topology: a network's layers and their options as JSON text, without its tensors.
#pragma once

#include <string>

#include "layers/model.h"

namespace espalier::layers {

// {"version":2,"name":"convnet","input":[3,32,32],
//  "nodes":[{"name":"conv1","type":"Conv2d","config":{"in_channels":3,"out_channels":32,...}},...]}
// A node has "inputs", places in the list or -1 for the network's input, where it does not take
// what the node before it gives. "origin" stands beside the nodes where parts of the network have
// left for good.
std::string topology(const Model& model);

// The network that the text describes, in this or in version 1, its layers without tensors: nothing
// is allocated for them, whatever sizes the text declares. The text may come from anyone: nonsense
// is an error that begins with `file` and names the layer. Every shape is checked, from the input
// to the result.
Model from_topology(const std::string& text, const std::string& file);

}  // namespace espalier::layers
