// Topology: a network's layers and their options as JSON text, without its tensors.
#pragma once

#include <string>

#include "layers/model.h"

namespace espalier::layers {

// {"version":1,"name":"convnet","input":[3,32,32],
//  "root":{"type":"Sequential","children":[
//    {"name":"conv1","type":"Conv2d","config":{"in_channels":3,"out_channels":32,...}},...]}}
// and, where parts of the network have left for good, "origin" (layers/origin_json.h).
std::string topology(const Model& model);

// The network that the text describes, its layers without tensors: nothing is allocated for them,
// whatever sizes the text declares. The text may come from anyone: nonsense is an error that begins
// with `file` and names the layer. Every shape is checked, from the input to the result.
Model from_topology(const std::string& text, const std::string& file);

}  // namespace espalier::layers
