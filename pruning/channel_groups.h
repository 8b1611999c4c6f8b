// Channel groups: units of coupled channels (layers/channels.h) that compete with each other, since
// the same layers make them.
#pragma once

#include <string>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

struct Group {
  std::string name;                         // of the first layer that makes these channels
  Structure structure = Structure::Neuron;  // Filter where a convolution makes them, else Neuron
  std::int64_t units = 0;
  std::vector<std::string> producers = {};   // layers that make them, in the order they run
  std::vector<Member> members = {};          // what goes with a unit; sets are units
  std::vector<layers::Shown> shown_by = {};  // where its values show: after the last activation
  std::string fixed = {};                    // why none may go; empty: they may
};

// Every group, in the order in which the network runs.
std::vector<Group> groups(const layers::Model& model);
std::vector<Group> groups(const layers::ChannelWalk& walk);

// A table for people, a group a line: name, units, producers, who reads them, why it is fixed.
std::string table(const std::vector<Group>& groups);

}  // namespace espalier::pruning
