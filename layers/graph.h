// Graph: a network as a flat list of nodes in topological order. A node is a layer and the values
// that it takes: the network's input, or what nodes before it give.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"

namespace espalier::layers {

// What a node gives, by its place in the list; kInput: the network's input.
using Value = int;
inline constexpr Value kInput = -1;

struct Node {
  std::shared_ptr<Module> layer;
  std::vector<Value> inputs;  // in the order in which the layer takes them

  const std::string& name() const { return layer->name(); }
};

class Child;

using ShapeObserver = std::function<void(Module& layer, const Shape& input, const Shape& output)>;

//   Graph graph;
//   const Value a = graph.add("conv1", Conv2d(3, 8), kInput);
//   const Value b = graph.add("pool", AvgPool2d(), kInput);
//   graph.add("concat", Concat(), {a, b});
//   Model net(std::move(graph), {3, 32, 32});
// The last node gives the network's output; every other one is taken by a later one. A graph
// without nodes is the identity. Names are dotted paths, all different: parts of letters, digits,
// '_' and '-'. A node's name is its layer's.
class Graph {
 public:
  // Appends a layer, or the layers of a block such as Sequential, and returns what comes out. An
  // error names the layer where a name is unfit or taken, or the layer stands in two places.
  template <class Part>
  Value add(std::string name, Part part, Value input);
  template <std::derived_from<Module> M>
  Value add(std::string name, M layer, std::vector<Value> inputs) {
    return add_node(std::move(name), std::make_shared<M>(std::move(layer)), std::move(inputs));
  }
  Value add_node(std::string name, std::shared_ptr<Module> layer, std::vector<Value> inputs);

  const std::vector<Node>& nodes() const { return nodes_; }
  Value output() const { return static_cast<Value>(nodes_.size()) - 1; }
  // How many inputs of nodes each value is; the output's is one more. Without the network's input.
  std::vector<int> uses() const;
  // The node of this name; kInput where there is none.
  int find(const std::string& name) const;

  // The shape of the output, for an input's shape with the batch; sees each layer on the way with
  // its (first) input's shape and its output's. An error names a layer that does not fit.
  Shape trace(const Shape& input, const ShapeObserver& see = {}) const;
  // An error names a layer whose output nobody takes.
  void check_all_used() const;

  void replace(int node, std::shared_ptr<Module> layer);
  // Whoever takes what the node gives takes this value instead, one from before it; the node leaves
  // with all nodes that the output does not need any more. Places change, order and names do not.
  void bypass(int node, Value value);
  // The nodes that would leave if this node no longer took its input number `input`: those that
  // nobody else needs.
  std::vector<int> only_for(int node, std::size_t input) const;

  Graph clone() const;  // see layers/visit.h

 private:
  // Which nodes the value needs, where one node does without one of its inputs.
  std::vector<bool> needed(Value output, int without = kInput, std::size_t input = 0) const;
  void keep(const std::vector<bool>& kept);

  std::vector<Node> nodes_;
};

// Several layers that are added to a graph together.
class Block {
 public:
  virtual ~Block() = default;
  // Adds them under the path, which is put in front of their names, and returns what comes out.
  virtual Value append(Graph& graph, const std::string& path, Value input) const = 0;
};

// A layer or a block and its name within what it is part of. The empty name is for a part that
// stands for the whole: its layers count as the whole's own (see Residual).
class Child {
 public:
  Child(std::string name, std::shared_ptr<Module> layer);
  Child(std::string name, std::shared_ptr<const Block> block);
  // A layer given by value is copied each time that it is added: blocks can be used many times.
  template <std::derived_from<Module> M>
  Child(std::string name, M layer)
      : Child(std::move(name), std::shared_ptr<Module>(std::make_shared<M>(std::move(layer)))) {
    copied_ = true;
  }
  template <std::derived_from<Block> B>
  Child(std::string name, B block)
      : Child(std::move(name), std::shared_ptr<const Block>(std::make_shared<B>(block))) {}

  Value append(Graph& graph, const std::string& path, Value input) const;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::shared_ptr<Module> layer_;       // one of
  std::shared_ptr<const Block> block_;  // these
  bool copied_ = false;
};

template <class Part>
Value Graph::add(std::string name, Part part, Value input) {
  return Child("", std::move(part)).append(*this, name, input);
}

// "layer1" and "0" make "layer1.0"; an empty part leaves the other as it is.
std::string join(const std::string& path, const std::string& name);

}  // namespace espalier::layers
