// Registry: the table of layers.
#include "layers/registry.h"

#include <map>

#include "core/error.h"
#include "layers/activation.h"
#include "layers/conv.h"
#include "layers/dropout.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/pool.h"
#include "layers/residual.h"
#include "layers/sequential.h"

namespace espalier::layers {
namespace {

template <class Leaf>
std::shared_ptr<Module> leaf(const Config& config, std::vector<Child> children) {
  check(children.empty(), config.owner(), ": found layers inside, expected none");
  return std::make_shared<Leaf>(config);
}

template <class Container>
std::shared_ptr<Module> container(const Config&, std::vector<Child> children) {
  return std::make_shared<Container>(std::move(children));
}

std::map<std::string, LayerFactory>& table() {
  static std::map<std::string, LayerFactory> layers = {
      {"AvgPool2d", leaf<AvgPool2d>},
      {"BatchNorm", leaf<BatchNorm>},
      {"Conv2d", leaf<Conv2d>},
      {"Dropout", leaf<Dropout>},
      {"Flatten", leaf<Flatten>},
      {"GELU", leaf<GELU>},
      {"GlobalAvgPool", leaf<GlobalAvgPool>},
      {"Identity", leaf<Identity>},
      {"LeakyReLU", leaf<LeakyReLU>},
      {"Linear", leaf<Linear>},
      {"MaxPool2d", leaf<MaxPool2d>},
      {"ReLU", leaf<ReLU>},
      {"Residual", container<Residual>},
      {"Sequential", container<Sequential>},
      {"SparseConv2d", leaf<Conv2d>},  // as files once named a weight in CSR
      {"SparseLinear", leaf<Linear>},
  };
  return layers;
}

}  // namespace

void register_layer(const std::string& type, LayerFactory factory) {
  table()[type] = std::move(factory);
}

std::shared_ptr<Module> make_layer(const std::string& type, const Config& config,
                                   std::vector<Child> children) {
  const auto found = table().find(type);
  if (found == table().end()) {
    std::string known;
    for (const auto& [name, factory] : table()) known += (known.empty() ? "" : ", ") + name;
    fail(config.owner(), ": found a layer of type '", type, "', expected one of ", known);
  }
  return found->second(config, std::move(children));
}

}  // namespace espalier::layers
