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
// Neurons and filters: a group of coupled channels shares them (pruning/channel_groups.h).
inline bool is_unit(Structure s) { return s == Structure::Neuron || s == Structure::Filter; }

using layers::Part;

// The unit of each slice of a parameter, or of each channel of a layer's output; -1: of none here.
using SliceUnits = layers::Units;
// `span` slices for each of so many units: 0, 0, 1, 1, ...
SliceUnits slice_units(std::int64_t units, std::int64_t span);
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
  std::string name;  // of the layer or group; "layers" for these
  std::int64_t count = 0;
  std::int64_t gone = 0;  // sets beyond these that have left the network for good
  // In the first of several lists: sets of other lists that have left whole. They count in ratios
  // over all lists.
  std::int64_t gone_beside = 0;
  std::vector<Member> members = {};
  std::vector<layers::Shown> shown_by = {};  // units only: outputs in which they show
  std::vector<std::string> names = {};       // layers only: of each set

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
// Elements of each set.
std::vector<std::int64_t> sizes(const Candidates& candidates);

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

}  // namespace espalier::pruning
