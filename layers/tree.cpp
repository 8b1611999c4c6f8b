// Tree: walking over modules.
#include "layers/tree.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/error.h"

namespace espalier::layers {
namespace {

bool fit(const std::string& name) {
  return name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

struct Seen {
  std::set<std::string> paths;
  std::set<const Module*> modules;
};

void name_below(Module& module, const std::string& path, Seen& seen) {
  check(seen.modules.insert(&module).second, "layer ", path,
        ": found a module that stands elsewhere in the model too, expected one of its own");
  module.set_name(path);
  for (const Child& child : module.children()) {
    check(fit(child.name), "layer ", path, ": found a child named '", child.name,
          "', expected letters, digits, '_' and '-'");
    const std::string below = join(path, child.name);
    if (!child.name.empty())
      check(seen.paths.insert(below).second, "layer ", below,
            ": found the name twice, expected different ones");
    name_below(*child.module, below, seen);
  }
}

// Puts a module's path in front of the names that it shows.
class WithPath : public StateVisitor {
 public:
  WithPath(StateVisitor& visitor, const std::string& path) : visitor_(visitor), path_(path) {}
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    visitor_.parameter(join(path_, name), p, shape);
  }
  void buffer(const std::string& name, Tensor& t, const Shape& shape) override {
    visitor_.buffer(join(path_, name), t, shape);
  }
  void weight(const std::string& name, Parameter& p, const Shape& dense) override {
    visitor_.weight(join(path_, name), p, dense);
  }
  void counter(const std::string& name, std::int64_t& count) override {
    visitor_.counter(join(path_, name), count);
  }

 private:
  StateVisitor& visitor_;
  const std::string& path_;
};

struct NameParameters : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape&) override {
    if (p.defined()) p.set_name(name);
  }
};

struct GiveMemory : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    if (!p.defined()) p = Parameter(Tensor::zeros(shape), name);
  }
  void buffer(const std::string&, Tensor& t, const Shape& shape) override {
    if (!t.defined()) t = Tensor::zeros(shape);
  }
};

struct OwnTensors : StateVisitor {
  void parameter(const std::string&, Parameter& p, const Shape&) override {
    if (p.defined()) p = clone(p);
  }
  void buffer(const std::string&, Tensor& t, const Shape&) override {
    if (t.defined()) t = t.clone();
  }
};

// FNV-1a, so that a path always names the same stream.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

}  // namespace

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : name.empty() ? path : path + "." + name;
}

void name_tree(Module& root) {
  Seen seen;
  name_below(root, "", seen);
  NameParameters visitor;
  visit_state(root, visitor);
}

void walk(Module& root, const std::function<void(Module&)>& see) {
  see(root);
  for (const Child& child : root.children()) walk(*child.module, see);
}

void visit_state(Module& root, StateVisitor& visitor) {
  walk(root, [&](Module& module) {
    WithPath full(visitor, module.name());
    module.state(full);
  });
}

std::vector<Parameter> parameters_of(Module& root) {
  struct Collect : StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override { found.push_back(p); }
    std::vector<Parameter> found;
  } collect;
  visit_state(root, collect);
  return collect.found;
}

void initialize_tree(Module& root, const Rng& rng) {
  GiveMemory memory;
  visit_state(root, memory);
  walk(root, [&](Module& module) { module.initialize(rng.split(hash(module.name()))); });
  struct : StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override { p.enforce_mask(); }
  } masks;  // what is removed does not come back with new values
  visit_state(root, masks);
}

std::shared_ptr<Module> clone(const Module& root) {
  std::shared_ptr<Module> copy = root.copy();
  OwnTensors own;
  copy->state(own);
  for (Child& child : copy->children()) child.module = clone(*child.module);
  return copy;
}

Parameter clone(const Parameter& parameter) {
  Parameter copy(parameter.Tensor::clone(), parameter.name());
  std::map<std::string, Tensor> states;
  for (const auto& [key, tensor] : parameter.states()) states[key] = tensor.clone();
  std::span<const std::uint8_t> mask;
  if (parameter.mask()) mask = {parameter.mask(), static_cast<std::size_t>(parameter.numel())};
  copy.assign(copy, mask, std::move(states), parameter.pattern());
  copy.set_dense_gradient(parameter.dense_gradient());
  return copy;
}

}  // namespace espalier::layers
