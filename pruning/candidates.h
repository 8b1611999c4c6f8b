// Candidates: what may be removed, whatever the structure. Single weights, blocks of them, neurons,
// filters and whole layers are all sets of elements of parameters that stand and fall together; a
// criterion gives each set a score, a selection takes the lowest, a mask removes them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "layers/channels.h"
#include "layers/model.h"

namespace espalier::pruning {

enum class Structure { Weight, Block, NM, Neuron, Filter, Layer };
using enum Structure;  // pruning::Filter
const char* name(Structure structure);
// "weight", "block", "n:m", "neuron", "filter" or "layer"; anything else is an Error.
Structure structure(const std::string& name);
// Neurons and filters, the units of a group of coupled channels.
inline bool is_unit(Structure s) { return s == Structure::Neuron || s == Structure::Filter; }

using layers::Part;

// The unit of each slice of a parameter, or of each channel of a layer's output; -1: of none here.
using SliceUnits = layers::Units;
// The slices of each unit.
std::vector<std::vector<std::int64_t>> slices_by_unit(const SliceUnits& units, std::int64_t count);

// The elements of one parameter, split into sets. All elements of it, in whatever format, seen as
// [outer][extent][inner], element (a, e, b) belongs to the unit of slice e, where there are units;
// else to set first + e / span * step, and with tiles another b / tile on.
struct Member {
  Parameter parameter;
  std::string layer;  // the layer's dotted name
  Part part = Part::Weight;
  std::int64_t extent = 0, inner = 1, span = 1, first = 0, step = 1, tile = 0;
  SliceUnits units = {};
  bool passes = false;  // its layer takes the units and gives them on, as a depthwise convolution

  // Calls f(i, set) for each element in order; of a parameter in CSR, for those that are there.
  template <class F>
  void each(const F& f) const {
    if (const Pattern& pattern = parameter.pattern()) {
      pattern->each([&](std::int64_t i, std::int64_t element) {
        const std::int64_t e = element / inner % extent;
        const std::int64_t set = units ? (*units)[e] : first + e / span * step;
        if (set >= 0) f(i, tile ? set + element % inner / tile : set);
      });
      return;
    }
    const std::int64_t outer = parameter.numel() / (extent * inner);
    std::int64_t i = 0;
    for (std::int64_t a = 0; a < outer; ++a)
      for (std::int64_t e = 0; e < extent; ++e) {
        const std::int64_t set = units ? (*units)[e] : first + e / span * step;
        if (set < 0) {
          i += inner;
          continue;
        }
        for (std::int64_t b = 0; b < inner; ++b, ++i) f(i, tile ? set + b / tile : set);
      }
  }
};

// One list of sets that compete with each other: a layer's weights, a group's units, all layers.
struct Candidates {
  Structure structure = Structure::Weight;
  std::string name;  // of the layer, or of the first one that makes a group; "layers" for these
  std::int64_t count = 0;
  std::int64_t gone = 0;  // sets beyond these that have left the network for good
  // In the first of several lists: sets of other lists that have left whole. They count in ratios
  // over all lists.
  std::int64_t gone_beside = 0;
  std::vector<Member> members = {};
  std::vector<std::string> names = {};  // layers only: of each set
  // Units only: layers that make them, in the order they run; outputs in which they show, after the
  // last activation; and why none may go (empty: they may).
  std::vector<std::string> producers = {};
  std::vector<layers::Shown> shown_by = {};
  std::string fixed = {};

  // Calls f(member, i, set) for every element of every set.
  template <class F>
  void each(const F& f) const {
    for (const Member& member : members)
      member.each([&](std::int64_t i, std::int64_t set) { f(member, i, set); });
  }
};

// One byte a set: 1 stays, 0 goes.
using Kept = std::vector<std::uint8_t>;

// What the masks say: a set is gone when all its elements are masked.
Kept kept(const Candidates& candidates);

// Masks out what goes, in addition to what is masked already. Values, gradients and optimiser state
// are exactly zero there from now on.
void remove(const Candidates& candidates, const Kept& kept);

// How a list is made.
struct Target {
  Structure structure = Structure::Weight;
  int block_rows = 4, block_columns = 4;    // Block: of the weight seen as a matrix [O, C K K]
  std::vector<std::string> only = {};       // layers; empty: all
  std::vector<std::string> leave_out = {};  // layers; of a group, any one of its producers

  // Whether it takes in what goes by one of these names.
  bool takes(const std::vector<std::string>& names) const;
};

// The lists of a model. Weights are those of convolutions and linears, without their biases; units
// are those of groups that may lose some. What has left the model for good still counts in ratios,
// as its origin (layers/origin.h) says. An Error where a layer does not exist, or nothing is left.
std::vector<Candidates> candidates(const layers::Model& model, const Target& target);

// Units of coupled channels (layers/channels.h) that compete with each other, since the same layers
// make them: filters where one of these is a convolution, else neurons.
using Group = Candidates;
// Every group, in the order in which the network runs.
std::vector<Group> groups(const layers::Model& model);
std::vector<Group> groups(const layers::ChannelWalk& walk);
// A table for people, a group a line: name, units, producers, who reads them, why it is fixed.
std::string table(const std::vector<Group>& groups);

// A whole layer that can leave, found by the shapes. Of a sum of two paths, such as a residual
// block, the shortcut stays; a plain layer can leave where its output has its input's shape.
struct Removable {
  std::string name;                 // of the sum, or of the convolution or linear layer
  bool block = false;               // a residual block: the main path of a sum
  Shape shape;                      // of its output
  std::vector<std::string> layers;  // what goes: the main path, or the layer and its batch norm
};

// In the order in which they run. The last layer is none, nor is what lies within a block.
std::vector<Removable> removable_layers(const layers::Model& model);

// Layers that have left already: silent blocks, and what has been taken out.
std::int64_t removed_layers(const layers::Model& model);

// A block's main path is masked, so that its shortcut alone is left: compaction takes it away. A
// plain layer, whose silence would end the signal, is taken out at once.
void remove_layer(const layers::Model& model, const Removable& layer);

// Takes out the first residual block whose main path is masked to the last parameter and gives
// zeros. Returns its name, that of the sum; empty: there is none.
std::string take_out_silent_block(const layers::Model& model);

}  // namespace espalier::pruning
