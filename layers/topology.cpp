// Topology: to and from JSON.
#include "layers/topology.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "layers/origin_json.h"
#include "layers/registry.h"
#include "layers/tree.h"

namespace espalier::layers {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr int kMaxDepth = 32;                      // of layers within layers
constexpr int kMaxJsonDepth = 3 * kMaxDepth;       // of brackets within brackets
constexpr std::int64_t kMaxImageSide = 1 << 14;    // pixels
constexpr std::int64_t kMaxActivations = 1 << 26;  // values that a layer gives for one image

Json to_json(const Config::Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

Json to_json(const Module& module) {
  Json json = {{"type", module.type()}};
  const Config config = module.config();
  for (const auto& [key, value] : config.values()) json["config"][key] = to_json(value);
  for (const Child& child : module.children()) {
    Json named = {{"name", child.name}};
    named.update(to_json(*child.module));
    json["children"].push_back(std::move(named));
  }
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
    else
      fail(owner, ": found ", key, " = ", shown(value),
           ", expected true, false, a text or a number below 2^63");
  }
  return config;
}

std::shared_ptr<Module> module_of(const Json& json, const std::string& path, int depth) {
  const std::string layer = "layer '" + path + "'";
  check(depth < kMaxDepth, layer, ": found more than ", kMaxDepth, " layers within each other");
  const std::string type = text(json, "type", layer);
  std::vector<Child> children;
  if (const Json* parts = member(json, "children")) {
    check(parts->is_array(), layer, ": found ", parts->type_name(),
          " as 'children', expected a list");
    for (const Json& part : *parts) {
      std::string name = text(part, "name", layer + ": child " + std::to_string(children.size()));
      std::shared_ptr<Module> module = module_of(part, join(path, name), depth + 1);
      children.emplace_back(std::move(name), std::move(module));
    }
  }
  const Json* options = member(json, "config");
  const std::string owner = layer + " (" + type + ")";
  return make_layer(type, options ? config_of(*options, owner) : Config(owner),
                    std::move(children));
}

Shape input_of(const Json& json) {
  const Json* input = member(json, "input");
  check(input && input->is_array() && (input->size() == 3 || input->size() == 1),
        "found no input shape, expected [channels, height, width] or [features]");
  const std::int64_t limits[] = {kMaxFeatures, kMaxImageSide, kMaxImageSide};
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < input->size(); ++i) {
    const Json& size = (*input)[i];
    check(size.is_number_integer() && size >= 1 && size <= limits[i], "found input size ",
          shown(size), ", expected 1 to ", limits[i]);
    sizes.push_back(size.get<std::int64_t>());
  }
  return Shape(sizes);
}

// Layers may fit each other and still ask for more memory than any machine has.
void check_activations(Module& root, const Shape& input) {
  const auto small = [](const std::string& layer, const Shape& shape) {
    check(shape.numel() <= kMaxActivations, layer, ": found ", shape.str(),
          " values for one image, expected at most ", kMaxActivations);
  };
  small("input", input);
  std::vector<std::int64_t> batch = input.sizes();
  batch.insert(batch.begin(), 1);
  root.trace(Shape(batch), [&](const Module& leaf, const Shape&, const Shape& output) {
    small(leaf.label(), output);
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
  check(version && *version == kVersion, "found version ", version ? shown(*version) : "none",
        ", expected ", kVersion);
  const Json* outermost = member(json, "root");
  check(outermost, "found no 'root', expected the outermost layer");
  const std::shared_ptr<Module> root = module_of(*outermost, "", 0);
  const Shape input = input_of(json);
  name_tree(*root);
  check_activations(*root, input);
  Model model(root, input, text(json, "name", "model"));
  if (const Json* origin = member(json, "origin")) model.set_origin(origin_of(*origin, model));
  return model;
}

}  // namespace

std::string topology(const Model& model) {
  Json json = {{"version", kVersion},
               {"name", model.name()},
               {"input", model.input_shape().sizes()},
               {"root", to_json(model.root())}};
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
