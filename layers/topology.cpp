// Topology and origin: to and from JSON.
#include "layers/topology.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "layers/merge.h"
#include "layers/registry.h"

namespace espalier::layers {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 2;
constexpr std::size_t kMaxNodes = 1 << 13;
constexpr int kMaxDepth = 32;                      // of layers within layers, in version 1
constexpr int kMaxJsonDepth = 3 * kMaxDepth;       // of brackets within brackets
constexpr std::int64_t kMaxImageSide = 1 << 14;    // pixels
constexpr std::int64_t kMaxActivations = 1 << 26;  // values that a layer gives for one image
// Of an origin; with these no sum over its layers overflows.
constexpr std::size_t kMaxLayers = 1 << 12;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 48;

// A node that takes what the one before it gives needs no inputs.
Json to_json(const Node& node, Value place) {
  Json json = {{"name", node.name()}, {"type", node.layer->type()}};
  const Config config = node.layer->config();
  for (const auto& [key, value] : config.values())
    json["config"][key] = std::visit([](const auto& v) { return Json(v); }, value);
  if (node.inputs != std::vector<Value>{place - 1}) json["inputs"] = node.inputs;
  return json;
}

// The member of an object; null where there is none.
const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

// What a file says is printed in errors: only short texts without control characters.
bool presentable(const std::string& text) { return text.size() <= 64 && is_one_line(text); }

std::string text(const Json& object, const char* key, const std::string& owner) {
  const Json* value = object.is_object() ? member(object, key) : nullptr;
  check(value && value->is_string() && presentable(value->get_ref<const std::string&>()), owner,
        ": found no '", key, "', expected a short text");
  return value->get<std::string>();
}

std::string shown(const Json& value) {
  return value.is_number() ? value.dump() : value.type_name();
}

// `what` begins the message where it is none, or another.
std::int64_t integer(const Json& value, const std::string& what, std::int64_t least,
                     std::int64_t most) {
  check(value.is_number_integer() && value >= least && value <= most, what, shown(value),
        ", expected ", least, " to ", most);
  return value.get<std::int64_t>();
}

// A short list of integers.
bool is_integers(const Json& value) {
  return value.is_array() && !value.empty() && value.size() <= 8 &&
         std::all_of(value.begin(), value.end(), [](const Json& one) {
           return one.is_number_integer() && !(one.is_number_unsigned() && one >= 1ll << 62);
         });
}

Config config_of(const Json& options, const std::string& owner) {
  check(options.is_object(), owner, ": found ", options.type_name(),
        " as 'config', expected an object");
  Config config(owner);
  for (const auto& [key, value] : options.items()) {
    check(presentable(key), owner, ": found an option without a presentable name");
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() >> 63;
    if (value.is_boolean())
      config.set(key, value.get<bool>());
    else if (value.is_number_integer() && !huge)
      config.set(key, value.get<std::int64_t>());
    else if (value.is_number_float())
      config.set(key, value.get<double>());
    else if (value.is_string())
      config.set(key, value.get<std::string>());
    else if (is_integers(value))
      config.set(key, value.get<Config::Integers>());
    else
      fail(owner, ": found ", key, " = ", shown(value),
           ", expected true, false, a text, a number below 2^63 or some integers");
  }
  return config;
}

void expect_room(const Graph& graph) {
  check(graph.nodes().size() < kMaxNodes, "found more than ", kMaxNodes, " layers");
}

Value add_layer(Graph& graph, const std::string& name, const Json& json, const std::string& layer,
                std::vector<Value> inputs) {
  expect_room(graph);
  const std::string type = text(json, "type", layer);
  const Json* options = member(json, "config");
  const std::string owner = layer + " (" + type + ")";
  auto made = make_layer(type, options ? config_of(*options, owner) : Config(owner));
  return graph.add_node(name, std::move(made), std::move(inputs));
}

std::vector<Value> inputs_of(const Json& json, const Graph& graph, const std::string& layer) {
  const Json* list = member(json, "inputs");
  if (!list) return {graph.output()};
  check(list->is_array() && !list->empty() && list->size() <= kMaxNodes, layer, ": found ",
        list->type_name(), " as 'inputs', expected a list of nodes");
  std::vector<Value> inputs;
  for (const Json& input : *list) {
    check(input.is_number_integer() && input >= kInput && input <= graph.output(), layer,
          ": found an input from node ", shown(input), ", expected one of the ",
          graph.nodes().size(), " before it");
    inputs.push_back(input.get<Value>());
  }
  return inputs;
}

Graph graph_of(const Json& json) {
  const Json* nodes = member(json, "nodes");
  check(nodes && nodes->is_array(), "found no 'nodes', expected the list of layers");
  Graph graph;
  for (const Json& node : *nodes) {
    const std::string name = text(node, "name", "node " + std::to_string(graph.nodes().size()));
    const std::string layer = "layer '" + name + "'";
    add_layer(graph, name, node, layer, inputs_of(node, graph, layer));
  }
  return graph;
}

// Version 1 was a tree, in which Sequential and Residual stood for themselves.
Value append_version1(Graph& graph, const Json& json, const std::string& path, Value input,
                      int depth) {
  const std::string layer = "layer '" + path + "'";
  check(depth < kMaxDepth, layer, ": found more than ", kMaxDepth, " layers within each other");
  const std::string type = text(json, "type", layer);
  static const Json none = Json::array();
  const Json* list = member(json, "children");
  const Json& children = list ? *list : none;
  const std::size_t count = children.size();
  check(children.is_array(), layer, ": found ", children.type_name(),
        " as 'children', expected a list");
  const auto name_of = [&](std::size_t i) {
    return i < count ? text(children[i], "name", layer + ": child " + std::to_string(i)) : "";
  };
  const auto append = [&](std::size_t i, Value value) {
    const std::string name = name_of(i);
    check(name.find('.') == name.npos, layer, ": found a child named '", name,
          "', expected letters, digits, '_' and '-'");
    return append_version1(graph, children[i], join(path, name), value, depth + 1);
  };
  if (type == "Sequential") {
    Value value = input;
    for (std::size_t i = 0; i < count; ++i) value = append(i, value);
    return value;
  }
  if (type != "Residual") {
    check(count == 0, layer, " (", type, "): found layers inside, expected none");
    return add_layer(graph, path, json, layer, {input});
  }
  check(count > 0 && name_of(0).empty(), layer,
        ": found no main path, expected a first child with an empty name");
  const Value main = append(0, input);
  const bool shortcut = name_of(1) == "shortcut", relu = name_of(shortcut ? 2 : 1) == "relu";
  const std::size_t known = 1 + (shortcut ? 1 : 0) + (relu ? 1 : 0);
  check(count == known, layer, ": found a child named '", name_of(known),
        "', expected 'shortcut' or 'relu'");
  const Value past = shortcut ? append(1, input) : input;
  expect_room(graph);
  const Value sum = graph.add(path, Add(), {main, past});
  return relu ? append(shortcut ? 2 : 1, sum) : sum;
}

// In version 1 an identity stood where a layer, perhaps with its batch norm, had been taken out.
void drop_identities(const Model& model) {
  Origin origin = *model.origin();
  const auto is_identity = [&](std::size_t i) {
    return model.nodes()[i].layer->type() == "Identity";
  };
  for (std::size_t i = model.nodes().size(); i-- > 0;) {
    if (!is_identity(i)) continue;
    const Node node = model.nodes()[i];
    if (node.inputs[0] == kInput || !is_identity(node.inputs[0])) ++origin.left.layers;
    model.bypass(node.name(), node.inputs[0]);
  }
  model.set_origin(std::move(origin));
}

Shape input_of(const Json& json) {
  const Json* input = member(json, "input");
  check(input && input->is_array() && (input->size() == 3 || input->size() == 1),
        "found no input shape, expected [channels, height, width] or [features]");
  const std::int64_t limits[] = {kMaxFeatures, kMaxImageSide, kMaxImageSide};
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < input->size(); ++i) {
    sizes.push_back(integer((*input)[i], "found input size ", 1, limits[i]));
  }
  return Shape(sizes);
}

// {"layers":{"conv1":{"units":16,"weights":432,"macs":442368},...},
//  "left":{"layers":1,"filters":16,"neurons":0}}
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

const Json& object(const Json& json, const std::string& owner, std::size_t members) {
  check(json.is_object() && json.size() == members, owner, ": found ",
        json.is_object() ? std::to_string(json.size()) + " members" : json.type_name(),
        ", expected an object of ", members);
  return json;
}

const Json& at(const Json& json, const char* key, const std::string& owner) {
  const Json* found = member(json, key);
  check(found, owner, ": found no '", key, "'");
  return *found;
}

std::int64_t count(const Json& json, const char* key, const std::string& owner,
                   std::int64_t least) {
  return integer(at(json, key, owner), owner + ": found " + key + " = ", least, kMaxCount);
}

// An Error where something is missing, unknown, no number or out of range, or where a layer of the
// model has more than it is said to have had.
Origin origin_of(const Json& json, const Model& model) {
  object(json, "origin", 2);
  const Json& layers = at(json, "layers", "origin");
  check(layers.is_object() && layers.size() <= kMaxLayers, "origin: found ",
        layers.is_object() ? std::to_string(layers.size()) + " layers" : layers.type_name(),
        ", expected an object of at most ", kMaxLayers);
  Origin origin;
  for (const auto& [name, layer] : layers.items()) {
    // Names may be anything.
    const std::string owner = "origin: layer " + std::to_string(origin.layers.size());
    object(layer, owner, 3);
    const Origin::Layer was{count(layer, "units", owner, 1), count(layer, "weights", owner, 1),
                            count(layer, "macs", owner, 0)};
    check(was.weights >= was.units, owner,
          ": found fewer weights than units, expected at least as many");
    origin.layers[name] = was;
  }
  const Json& left = object(at(json, "left", "origin"), "origin: what left", 3);
  origin.left = {count(left, "layers", "origin", 0), count(left, "filters", "origin", 0),
                 count(left, "neurons", "origin", 0)};
  for (const Node& node : model.nodes()) {
    const auto was = origin.layers.find(node.name());
    for (const StateItem& item : state_of(*node.layer)) {
      if (!item.any_format || was == origin.layers.end()) continue;
      const auto& [units, weights, macs] = was->second;
      check(units >= item.shape[0] && weights >= item.shape.numel(), "origin: found ", units,
            " units and ", weights, " weights of ", node.name(), ", expected at least the ",
            item.shape[0], " and ", item.shape.numel(), " that it has");
    }
  }
  return origin;
}

// Layers may fit each other and still ask for more memory than any machine has.
void check_activations(const Graph& graph, const Shape& input) {
  const auto small = [](const std::string& layer, const Shape& shape) {
    check(shape.numel() <= kMaxActivations, layer, ": found ", shape.str(),
          " values for one image, expected at most ", kMaxActivations);
  };
  small("input", input);
  std::vector<std::int64_t> batch = input.sizes();
  batch.insert(batch.begin(), 1);
  graph.trace(Shape(batch), [&](const Module& layer, const Shape&, const Shape& output) {
    small(layer.label(), output);
  });
}

Json parse(const std::string& text) {
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      check(depth <= kMaxJsonDepth, "found brackets more than ", kMaxJsonDepth, " deep");
      return true;
    });
  } catch (const Json::exception&) {
    fail("found text that is not JSON");
  }
}

Model model_of(const Json& json) {
  check(json.is_object(), "found ", json.type_name(), ", expected a JSON object");
  const Json* version = member(json, "version");
  check(version, "found version none, expected 1 to ", kVersion);
  const bool tree = integer(*version, "found version ", 1, kVersion) == 1;
  Graph graph;
  if (tree) {
    const Json* outermost = member(json, "root");
    check(outermost, "found no 'root', expected the outermost layer");
    append_version1(graph, *outermost, "", kInput, 0);
  } else {
    graph = graph_of(json);
  }
  const Shape input = input_of(json);
  check_activations(graph, input);
  Model model(std::move(graph), input, text(json, "name", "model"));
  if (const Json* origin = member(json, "origin")) {
    model.set_origin(origin_of(*origin, model));
    if (tree) drop_identities(model);
  }
  return model;
}

}  // namespace

std::string topology(const Model& model) {
  Json json = {{"version", kVersion},
               {"name", model.name()},
               {"input", model.input_shape().sizes()},
               {"nodes", Json::array()}};
  for (const Node& node : model.nodes())
    json["nodes"].push_back(to_json(node, static_cast<Value>(json["nodes"].size())));
  if (model.origin()) json["origin"] = to_json(*model.origin());
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Model from_topology(const std::string& text, const std::string& file) {
  try {
    return model_of(parse(text));
  } catch (const Error& error) {
    fail(file, ": topology: ", error.what());
  }
}

}  // namespace espalier::layers
