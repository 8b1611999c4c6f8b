// Registry: the kinds of layers that a file can name, each with the function that builds it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layers/module.h"

namespace espalier::layers {

// Builds a layer without its tensors. Reads every option through Options, which refuse nonsense.
using LayerFactory = std::function<std::shared_ptr<Module>(const Config& config)>;

// Makes a kind of layer of one's own known, before models with it are loaded. Not while other
// threads load.
//   register_layer("Scale", [](const Config& config) {
//     auto layer = std::make_shared<Scale>();
//     Options options(config);
//     layer->describe(options);
//     return layer;
//   });
void register_layer(const std::string& type, LayerFactory factory);

// An unknown type is an error that lists those there are.
std::shared_ptr<Module> make_layer(const std::string& type, const Config& config);

}  // namespace espalier::layers
