// StateDict: names, compared before any tensor is read.
#include "layers/state_dict.h"

#include <algorithm>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/safetensors_format.h"
#include "layers/models/models.h"

namespace espalier::layers {
namespace {

struct Names {
  explicit Names(const Model& model) {
    for (const StateItem& item : state_of(model.graph())) {
      if (item.counter)
        optional.insert(item.name);
      else
        required.push_back(item.name);
      if (item.parameter) parameters.insert(item.name);
      if (item.any_format) optional.insert({item.name + kColumns, item.name + kRowStarts});
    }
  }
  bool any(const std::function<bool(const std::string&)>& holds) const {
    return std::any_of(required.begin(), required.end(), holds);
  }
  bool may_have(const std::string& name) const {
    if (name.starts_with(kExtra) || optional.contains(name)) return true;
    if (name.ends_with(kMask))
      return parameters.contains(name.substr(0, name.size() - kMask.size()));
    const std::size_t at = name.find(kState);
    return at != name.npos && parameters.contains(name.substr(0, at));
  }

  std::vector<std::string> required;  // in the model's order
  std::set<std::string> parameters, optional;
};

// "module." where all names begin so.
std::string shared_prefix(const SafeTensors& file) {
  std::string prefix;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with(kExtra)) continue;
    if (prefix.empty()) prefix = name.substr(0, name.find('.') + 1);  // npos + 1 is 0
    if (prefix.empty() || !name.starts_with(prefix)) return "";
  }
  return prefix;
}

// A part of a dotted name by another one.
std::string with_part(std::string name, const std::string& part, const std::string& other) {
  if (const std::size_t at = name.find("." + part + "."); at != name.npos)
    name.replace(at + 1, part.size(), other);
  return name;
}

std::string and_more(const std::vector<std::string>& names) {
  return safetensors::quote(names[0]) +
         (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

}  // namespace

void rename_for(const Model& model, SafeTensors& file) {
  const Names names(model);
  for (;;) {
    const std::string prefix = shared_prefix(file);
    if (prefix.empty() || names.any([&](const auto& name) { return name.starts_with(prefix); }))
      break;
    file.rename([&](const std::string& name) {
      return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    });
  }
  if (!names.any([](const auto& name) { return name.find(".downsample.") != name.npos; }))
    file.rename([](const std::string& name) { return with_part(name, "downsample", "shortcut"); });
}

void check_names(const Model& model, const SafeTensors& file) {
  const Names names(model);
  const std::set<std::string> required(names.required.begin(), names.required.end());
  std::vector<std::string> missing, others;
  for (const std::string& name : names.required)
    if (!file.contains(name)) missing.push_back(name);
  for (const auto& [name, tensor] : file.tensors())
    if (!required.contains(name) && !names.may_have(name)) others.push_back(name);
  if (missing.empty() && others.empty()) return;
  const std::string of = model.name().empty() ? "this model" : model.name();
  if (missing.empty())
    fail(file.path(), ": found a tensor ", and_more(others), ", expected none of that name for ",
         of);
  fail(file.path(), ": found no tensor ", and_more(missing), " among its ", file.tensors().size(),
       others.empty() ? "" : ", but " + and_more(others) + " that the model has not",
       ", expected the tensors of ", of);
}

Model model_of_weights(const std::string& name, SafeTensors& weights, const Shape& images) {
  constexpr std::int64_t kMostClasses = 1 << 16, kMostChannels = 1 << 12;
  const Model usual = make_model(name, 10, 0, images);
  rename_for(usual, weights);
  // A size of a tensor that has as many as the model's; 0 where there is none.
  const auto size = [&](const Parameter& p, std::size_t dimension) -> std::int64_t {
    const auto found = weights.tensors().find(p.name());
    if (found == weights.tensors().end()) return 0;
    const auto& shape = found->second.shape;
    return shape.size() == p.shape().sizes().size() ? shape[dimension] : 0;
  };
  const std::vector<Parameter> parameters = usual.parameters();
  std::vector<std::int64_t> input = images.sizes();
  if (parameters.front().shape().rank() == 4)
    if (const std::int64_t channels = size(parameters.front(), 1);
        channels >= 1 && channels <= kMostChannels)
      input[0] = channels;
  std::int64_t classes = size(parameters.back(), 0);
  if (classes < 1 || classes > kMostClasses) classes = 10;
  return make_model(name, static_cast<int>(classes), 0, Shape(input));
}

}  // namespace espalier::layers
