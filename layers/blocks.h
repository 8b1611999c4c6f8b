// Blocks of layers: patterns in which networks are written. They add their layers to a graph under
// dotted names, and are no part of the network themselves.
#pragma once

#include <initializer_list>

#include "layers/graph.h"

namespace espalier::layers {

// Layers that run one after the other.
//   Sequential net{{"conv1", Conv2d(3, 32, {.padding = 1})}, {"relu1", ReLU()}};
//   net.add("fc", Linear(512, 10));
// Without children it is the identity.
class Sequential : public Block {
 public:
  Sequential() = default;
  Sequential(std::initializer_list<Child> children) : children_(children) {}
  explicit Sequential(std::vector<Child> children) : children_(std::move(children)) {}

  Sequential& add(Child child) {
    children_.push_back(std::move(child));
    return *this;
  }
  template <class Part>
  Sequential& add(std::string name, Part part) {
    return add(Child(std::move(name), std::move(part)));
  }
  template <class Part>
  requires std::derived_from<Part, Module> || std::derived_from<Part, Block> Sequential& add(
      Part part) {  // named by its place: "0", "1", ...
    return add(std::to_string(children_.size()), std::move(part));
  }
  bool empty() const { return children_.empty(); }

  Value append(Graph& graph, const std::string& path, Value input) const override;

 private:
  std::vector<Child> children_;
};

struct ResidualOptions {
  bool relu = true;  // after the sum
};

// Two paths from the same input whose results are added (He et al., 2016):
// y = relu(main(x) + shortcut(x)). An empty shortcut is the identity.
// The layers of the main path stand under the block's own name, those of the shortcut under
// "shortcut", as in PyTorch: layer2.0.conv1.weight, layer2.0.shortcut.0.weight. The sum has the
// block's name, and the ReLU "relu".
class Residual : public Block {
 public:
  explicit Residual(Sequential main, Sequential shortcut = {}, const ResidualOptions& options = {})
      : main_(std::move(main)), shortcut_(std::move(shortcut)), options_(options) {}

  Value append(Graph& graph, const std::string& path, Value input) const override;

 private:
  Sequential main_, shortcut_;
  ResidualOptions options_;
};

// Paths from the same input whose results stand one after the other as the channels of the output
// (Szegedy et al., 2015). The layers of a path stand under its name; Concat has the block's name.
//   Branches{{"point", Conv2d(16, 8, {.kernel = 1})}, {"wide", Sequential{...}}}
class Branches : public Block {
 public:
  Branches(std::initializer_list<Child> paths) : paths_(paths) {}
  explicit Branches(std::vector<Child> paths) : paths_(std::move(paths)) {}

  Value append(Graph& graph, const std::string& path, Value input) const override;

 private:
  std::vector<Child> paths_;
};

}  // namespace espalier::layers
