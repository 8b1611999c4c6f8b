// Origin: to and from JSON.
#include "layers/origin_json.h"

#include "core/error.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

using Json = nlohmann::ordered_json;

// With these limits no sum over the layers overflows.
constexpr std::size_t kMaxLayers = 1 << 12;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 48;

const Json& object(const Json& json, const std::string& owner, std::size_t members) {
  check(json.is_object() && json.size() == members, owner, ": found ",
        json.is_object() ? std::to_string(json.size()) + " members" : json.type_name(),
        ", expected an object of ", members);
  return json;
}

const Json& at(const Json& json, const char* key, const std::string& owner) {
  const auto found = json.find(key);
  check(found != json.end(), owner, ": found no '", key, "'");
  return *found;
}

std::int64_t count(const Json& json, const char* key, const std::string& owner,
                   std::int64_t least) {
  const Json& value = at(json, key, owner);
  check(value.is_number_integer() && value >= least && value <= kMaxCount, owner, ": found ", key,
        " = ", value.is_number() ? value.dump() : value.type_name(), ", expected ", least, " to ",
        kMaxCount);
  return value.get<std::int64_t>();
}

void check_fits(const Origin& origin, const Model& model) {
  for (const Node& node : model.nodes()) {
    const auto found = origin.layers.find(node.name());
    if (found == origin.layers.end()) continue;
    struct Sizes : StateVisitor {
      void weight(const std::string&, Parameter&, const Shape& dense) override {
        units = dense[0], weights = dense.numel();
      }
      std::int64_t units = 0, weights = 0;
    } now;
    node.layer->state(now);
    check(found->second.units >= now.units && found->second.weights >= now.weights,
          "origin: found ", found->second.units, " units and ", found->second.weights,
          " weights of ", node.name(), ", expected at least the ", now.units, " and ", now.weights,
          " that it has");
  }
}

}  // namespace

Json to_json(const Origin& origin) {
  Json layers = Json::object();
  for (const auto& [name, layer] : origin.layers)
    layers[name] = {{"units", layer.units}, {"weights", layer.weights}, {"macs", layer.macs}};
  return {{"layers", layers},
          {"left",
           {{"layers", origin.left.layers},
            {"filters", origin.left.filters},
            {"neurons", origin.left.neurons}}}};
}

Origin origin_of(const Json& json, const Model& model) {
  object(json, "origin", 2);
  const Json& layers = at(json, "layers", "origin");
  check(layers.is_object() && layers.size() <= kMaxLayers, "origin: found ",
        layers.is_object() ? std::to_string(layers.size()) + " layers" : layers.type_name(),
        ", expected an object of at most ", kMaxLayers);
  Origin origin;
  std::size_t number = 0;
  for (const auto& [name, layer] : layers.items()) {
    const std::string owner = "origin: layer " + std::to_string(number++);  // names may be anything
    object(layer, owner, 3);
    origin.layers[name] = {count(layer, "units", owner, 1), count(layer, "weights", owner, 1),
                           count(layer, "macs", owner, 0)};
    check(origin.layers[name].weights >= origin.layers[name].units, owner,
          ": found fewer weights than units, expected at least as many");
  }
  const Json& left = object(at(json, "left", "origin"), "origin: what left", 3);
  origin.left = {count(left, "layers", "origin", 0), count(left, "filters", "origin", 0),
                 count(left, "neurons", "origin", 0)};
  check_fits(origin, model);
  return origin;
}

}  // namespace espalier::layers
