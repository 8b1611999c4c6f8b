// A walk through the network in which every tensor carries the space that its channels belong to.
// Spaces that are added to each other become one; what is left in the end are the groups.
#include "pruning/groups.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/error.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

// What flows between two layers: channels of a space, each `span` features wide, and the layers in
// whose output they show.
struct Flow {
  int space;
  std::int64_t span;
  std::vector<View> shown;
  Shape shape;
};

class Walk {
 public:
  explicit Walk(const layers::Model& model) {
    Flow input{space("the network's input", model.batch_shape(1)[1]), 1, {}, model.batch_shape(1)};
    fix(input.space, "the network's input");
    Flow output = pass(model.root(), input);
    fix(output.space, "the network's outputs");
    show(output);
  }

  std::vector<Group> result() {
    std::vector<Group> groups;
    std::map<int, std::size_t> index;
    for (int s = 0; s < static_cast<int>(spaces_.size()); ++s) {
      const int root = find(s);
      if (!index.count(root)) {
        index[root] = groups.size();
        groups.push_back(spaces_[root]);
      }
    }
    std::erase_if(groups, [](const Group& g) { return g.producers.empty(); });
    for (Group& group : groups) group.name = group.producers[0];
    return groups;
  }

 private:
  // A space is a group in the making.
  int space(const std::string& name, std::int64_t units) {
    spaces_.push_back({.name = name, .structure = Structure::Neuron, .units = units});
    parent_.push_back(static_cast<int>(parent_.size()));
    return parent_.back();
  }
  int find(int s) {
    while (parent_[s] != s) s = parent_[s] = parent_[parent_[s]];
    return s;
  }
  void fix(int s, const std::string& why) {
    Group& group = spaces_[find(s)];
    if (group.fixed.empty()) group.fixed = why;
  }
  void join(int a, int b) {
    a = find(a), b = find(b);
    if (a == b) return;
    if (b < a) std::swap(a, b);  // the one that runs first gives the name
    Group &to = spaces_[a], &from = spaces_[b];
    parent_[b] = a;
    if (from.structure == Structure::Filter) to.structure = Structure::Filter;
    to.producers.insert(to.producers.end(), from.producers.begin(), from.producers.end());
    to.members.insert(to.members.end(), from.members.begin(), from.members.end());
    to.shown_by.insert(to.shown_by.end(), from.shown_by.begin(), from.shown_by.end());
    if (to.fixed.empty()) to.fixed = from.fixed;
  }
  // The units show where a flow is read.
  void show(const Flow& flow) {
    std::vector<View>& views = spaces_[find(flow.space)].shown_by;
    for (const View& view : flow.shown)
      if (std::none_of(views.begin(), views.end(),
                       [&](const View& v) { return v.layer == view.layer; }))
        views.push_back(view);
  }
  void member(int s, const layers::Module& layer, const Parameter& parameter, Part part, int dim,
              std::int64_t span) {
    if (!parameter.defined()) return;
    std::int64_t inner = 1;
    for (int d = dim + 1; d < parameter.shape().rank(); ++d) inner *= parameter.size(d);
    spaces_[find(s)].members.push_back({.parameter = parameter,
                                        .layer = layer.name(),
                                        .part = part,
                                        .extent = parameter.size(dim),
                                        .inner = inner,
                                        .span = span});
  }

  Flow pass(layers::Module& module, const Flow& in) {
    if (auto* sequential = dynamic_cast<layers::Sequential*>(&module)) {
      Flow flow = in;
      for (const layers::Child& child : sequential->children()) flow = pass(*child.module, flow);
      return flow;
    }
    if (auto* residual = dynamic_cast<layers::Residual*>(&module)) return add(*residual, in);
    Flow out{in.space, in.span, in.shown, module.output_shape(in.shape)};
    if (auto* conv = dynamic_cast<layers::Conv2d*>(&module))
      return produce(module, in, out, conv->weight, conv->bias, Structure::Filter);
    if (auto* linear = dynamic_cast<layers::Linear*>(&module))
      return produce(module, in, out, linear->weight, linear->bias, Structure::Neuron);
    if (auto* norm = dynamic_cast<layers::BatchNorm*>(&module)) {
      member(in.space, module, norm->weight, Part::Scale, 0, in.span);
      member(in.space, module, norm->bias, Part::Shift, 0, in.span);
      out.shown = {{module.name(), in.span}};
      return out;
    }
    if (dynamic_cast<layers::Activation*>(&module)) {
      out.shown = {{module.name(), in.span}};
      return out;
    }
    if (dynamic_cast<layers::Flatten*>(&module)) {
      out.span = in.span * out.shape[1] / in.shape[1];
      return out;
    }
    if (dynamic_cast<layers::Pool2d*>(&module) || dynamic_cast<layers::GlobalAvgPool*>(&module) ||
        dynamic_cast<layers::Dropout*>(&module))
      return out;
    return opaque(module, in, out);
  }

  Flow produce(const layers::Module& layer, const Flow& in, Flow out, const Parameter& weight,
               const Parameter& bias, Structure structure) {
    show(in);
    member(in.space, layer, weight, Part::Input, 1, in.span);
    out.space = space(layer.name(), weight.size(0));
    out.span = 1;
    out.shown = {{layer.name(), 1}};
    Group& group = spaces_[out.space];
    group.structure = structure;
    group.producers = {layer.name()};
    member(out.space, layer, weight, Part::Weight, 0, 1);
    member(out.space, layer, bias, Part::Bias, 0, 1);
    return out;
  }

  Flow add(layers::Residual& block, const Flow& in) {
    Flow main = pass(block.main(), in);
    const Flow past = block.shortcut() ? pass(*block.shortcut(), in) : in;
    if (main.span != past.span) {
      fix(main.space, "added to channels of another width in " + block.label());
      fix(past.space, "added to channels of another width in " + block.label());
    }
    join(main.space, past.space);
    main.shown.insert(main.shown.end(), past.shown.begin(), past.shown.end());
    return block.relu() ? pass(*block.relu(), main) : main;
  }

  // A layer that this walk knows nothing of.
  Flow opaque(const layers::Module& layer, const Flow& in, Flow out) {
    const std::string why = "next to " + layer.label() + ", a " + layer.type();
    show(in);
    fix(in.space, why);
    out.space = space(layer.name(), out.shape[1]);
    out.span = 1;
    out.shown = {{layer.name(), 1}};
    fix(out.space, why);
    return out;
  }

  std::vector<Group> spaces_;
  std::vector<int> parent_;
};

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

std::vector<Group> groups(const layers::Model& model) { return Walk(model).result(); }

std::string table(const std::vector<Group>& groups) {
  std::string text;
  for (const Group& group : groups) {
    std::vector<std::string> readers, norms;
    for (const Member& member : group.members) {
      if (member.part == Part::Input) readers.push_back(member.layer);
      if (member.part == Part::Scale) norms.push_back(member.layer);
    }
    text += group.name + ": " + std::to_string(group.units) + " " + name(group.structure) +
            "s of " + list_of(group.producers);
    if (!norms.empty()) text += ", with " + list_of(norms);
    if (!readers.empty()) text += ", read by " + list_of(readers);
    if (!group.fixed.empty()) text += "; fixed: " + group.fixed;
    text += "\n";
  }
  return text;
}

}  // namespace espalier::pruning
