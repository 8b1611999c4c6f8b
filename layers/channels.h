// Channels: how the channels of a network hang together, found by one traversal in which every
// layer says how it passes them on (Module::pass_channels). A channel belongs to a unit; channels
// of one unit stay or go together: a filter's with its bias, its batch norm, what later layers read
// of it, and where two paths are added, with the same channel of the other (Fang et al., 2023, call
// it a dependency graph). Beside its unit, a channel carries what is known of its value.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "core/shape.h"

namespace espalier::layers {

class BatchNorm;
class Model;
class Module;

// What a parameter does for a unit: makes it, or, as Input, reads it in a later layer.
enum class Part { Weight, Bias, Scale, Shift, Input };

// One channel or feature of what flows between two layers.
struct Constant {
  static Constant of(float value);  // not known where it is not finite

  bool known = false;  // the same at every pixel of every picture, in training and in evaluation
  float value = 0;
  // Of one that is not known any more, though what makes it is a constant: where it was lost.
  std::string lost = {};

  Constant lost_in(const std::string& where) const;  // where it begins to vary
};

using Units = std::shared_ptr<const std::vector<int>>;  // the unit of each channel

// The output of a layer in which units show.
struct Shown {
  std::string layer;
  Units units;
};

// What flows between two layers, channel by channel.
struct Channels {
  Shape shape;  // for one image: [1, C, H, W] or [1, F]
  Units units;
  std::vector<Constant> constants;
  std::vector<Shown> shown;  // the outputs in which the units show as soon as they are read
  std::string maker = {};    // the layer that made them, where nothing else has been at them

  std::int64_t count() const { return shape[1]; }
};

// What makes channels of others: y = weight x + bias.
struct Product {
  Parameter& weight;  // [O, I, ...]
  Parameter& bias;    // [O], or not defined
  bool& has_bias;     // the layer's option: whether it has one
  bool padded;        // whether its input is seen with zeros around it
  int groups =
      1;  // of channels, each with as many outputs; then the weight is [O, I / groups, ...]
};

class ChannelWalk {
 public:
  explicit ChannelWalk(const Model& model);

  // ---- What layers call ----

  // The output of a convolution or linear layer, which reads the units of its input and makes one
  // of its own for each output, filters or neurons. With groups, the channels at the same place of
  // each group are joined, for as many have to stay in each.
  Channels made(Module& layer, const Channels& in, const Product& product);
  // The output of a depthwise convolution, whose channels are still those of its input: as many for
  // each as it has weights.
  Channels filtered(Module& layer, const Channels& in, const Product& product);
  // The input, in the output's shape: the same channels, of which what is known is known still.
  Channels passed(const Module& layer, const Channels& in) const;
  // The same, where the layer's output shows what its input's units have become.
  Channels changed(const Module& layer, const Channels& in) const;
  // The output of a layer of which nothing is known: all units next to it are pinned.
  Channels opaque(const Module& layer, std::span<const Channels> inputs);
  // The sum of two values, whose channels are joined one by one.
  Channels sum(const Module& layer, const Channels& a, const Channels& b);
  // Their product, likewise.
  Channels product(const Module& layer, const Channels& a, const Channels& b);
  // Their channels one after the other.
  Channels concatenation(const Module& layer, std::span<const Channels> inputs);
  // What is known of these channels ends here, but for zeros.
  static void vary(Channels& channels, const std::string& where);

  // Slice i along dimension `dim` of the parameter belongs to unit (*units)[i]. Nothing where the
  // parameter is not defined.
  // `passes`: its layer takes these units and gives them on.
  void attach(const Module& layer, const Parameter& parameter, Part part, int dim,
              const Units& units, bool passes = false);
  void join(int unit, int other);                        // from now on they are one
  void pin(const Units& units, const std::string& why);  // none of them may go
  void set_norm(const Channels& in, BatchNorm& norm);    // that takes what a layer makes

  // ---- What it found ----

  struct Maker {
    std::string layer;
    bool filters;  // of a convolution; else neurons
    Units units;
  };
  struct Attached {
    std::string layer;
    Parameter parameter;
    Part part;
    int dim;
    Units units;
    bool passes;
  };
  // A convolution or linear layer, and what it reads.
  struct Reader {
    Module& layer;
    Product product;
    std::vector<Constant> inputs;
    BatchNorm* norm = nullptr;  // that alone takes its outputs; null: none
  };
  const std::vector<Maker>& makers() const { return makers_; }         // in the order they run
  const std::vector<Attached>& attached() const { return attached_; }  // likewise
  const std::vector<Shown>& shown() const { return shown_; }           // a layer once
  const std::map<std::string, Reader>& readers() const { return readers_; }  // by name
  // What a node gives; kInput (-1): what the network takes.
  const Channels& channels(int value) const { return values_[value + 1]; }

  int units() const { return static_cast<int>(parent_.size()); }
  int find(int unit) const;                   // the least unit that it is one with
  const std::string& pinned(int unit) const;  // why it may not go; empty: it may

 private:
  Units fresh(std::int64_t count);
  void read(const Channels& in);  // what it shows counts
  template <class Rule>
  Channels joined(const Channels& a, const Channels& b, const Rule& rule);
  Units joined_groups(const Units& units, int groups);

  std::vector<Channels> values_;  // of the input and of each node
  std::vector<int> parent_;
  std::map<int, std::string> pinned_;  // by the least unit
  std::vector<Maker> makers_;
  std::vector<Attached> attached_;
  std::vector<Shown> shown_;
  std::map<std::string, Reader> readers_;
};

}  // namespace espalier::layers
