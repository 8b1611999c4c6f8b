// Registry: the table of layers.
#include "layers/registry.h"

#include <map>

#include "core/error.h"
#include "layers/activation.h"
#include "layers/conv.h"
#include "layers/merge.h"
#include "layers/norm.h"
#include "layers/pool.h"

namespace espalier::layers {
namespace {

// Made of sizes that its options then replace.
template <class Layer, int... kSizes>
std::shared_ptr<Module> make(const Config& config) {
  const auto layer = std::make_shared<Layer>(kSizes...);
  Options options(config);
  layer->describe(options);
  return layer;
}

std::map<std::string, LayerFactory>& table() {
  static std::map<std::string, LayerFactory> layers = {
      {"Add", make<Add>},
      {"AvgPool2d", make<AvgPool2d>},
      {"BatchNorm", make<BatchNorm, 1>},
      {"Concat", make<Concat>},
      {"Conv2d", make<Conv2d, 1, 1>},
      {"Dropout", make<Dropout>},
      {"Flatten", make<Flatten>},
      {"GELU", make<GELU>},
      {"GlobalAvgPool", make<GlobalAvgPool>},
      {"Identity", make<Identity>},
      {"LeakyReLU", make<LeakyReLU>},
      {"Linear", make<Linear, 1, 1>},
      {"MaxPool2d", make<MaxPool2d>},
      {"Mul", make<Mul>},
      {"ReLU", make<ReLU>},
      {"ReLU6", make<ReLU6>},
      {"SiLU", make<SiLU>},
      {"Sigmoid", make<Sigmoid>},
      {"SparseConv2d", make<Conv2d, 1, 1>},  // as files once named a weight in CSR
      {"SparseLinear", make<Linear, 1, 1>},
  };
  return layers;
}

}  // namespace

void register_layer(const std::string& type, LayerFactory factory) {
  table()[type] = std::move(factory);
}

std::shared_ptr<Module> make_layer(const std::string& type, const Config& config) {
  const auto found = table().find(type);
  if (found == table().end()) {
    std::string known;
    for (const auto& [name, factory] : table()) known += (known.empty() ? "" : ", ") + name;
    fail(config.owner(), ": found a layer of type '", type, "', expected one of ", known);
  }
  return found->second(config);
}

}  // namespace espalier::layers
