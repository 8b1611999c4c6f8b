// Removable channels: which units of a group of coupled channels the network can do without, and
// why others, though silent, have to stay.
#pragma once

#include <string>
#include <vector>

#include "layers/channels.h"
#include "pruning/channel_groups.h"

namespace espalier::pruning {

struct Verdict {
  Kept stays;                    // of each unit
  std::vector<std::string> why;  // "is read by ...": a silent one stays; empty for all others
};

// The dimension of a parameter along which a member's units lie: weights are [made, read, ...].
inline int dimension(const Member& member) { return member.part == Part::Input ? 1 : 0; }

// Of every group. A unit leaves when every reader has its elements gone or can take in what the
// unit says; one of each group stays, and of a fixed group all.
std::vector<Verdict> judge(const std::vector<Group>& groups, const layers::ChannelWalk& walk);

}  // namespace espalier::pruning
