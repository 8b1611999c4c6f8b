// Sets: names of structures, and masks.
#include "pruning/sets.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace espalier::pruning {
namespace {

constexpr std::pair<Structure, const char*> kNames[] = {
    {Structure::Weight, "weight"}, {Structure::Block, "block"},   {Structure::NM, "n:m"},
    {Structure::Neuron, "neuron"}, {Structure::Filter, "filter"}, {Structure::Layer, "layer"}};

}  // namespace

const char* name(Structure structure) {
  for (const auto& [value, text] : kNames)
    if (value == structure) return text;
  return "";
}

Structure structure(const std::string& name) {
  for (const auto& [value, text] : kNames)
    if (name == text) return value;
  fail("structure: found '", name, "', expected weight, block, n:m, neuron, filter or layer");
}

Kept kept(const Candidates& candidates) {
  Kept result(candidates.count, 0);
  candidates.each([&](const Member& member, std::int64_t i, std::int64_t set) {
    const std::uint8_t* mask = member.parameter.mask();
    if (!mask || mask[i]) result[set] = 1;
  });
  return result;
}

std::vector<std::int64_t> sizes(const Candidates& candidates) {
  std::vector<std::int64_t> result(candidates.count, 0);
  candidates.each([&](const Member&, std::int64_t, std::int64_t set) { ++result[set]; });
  return result;
}

void remove(const Candidates& candidates, const Kept& kept) {
  check(static_cast<std::int64_t>(kept.size()) == candidates.count, candidates.name,
        ": found a selection of ", kept.size(), " sets, expected ", candidates.count);
  if (std::find(kept.begin(), kept.end(), 0) == kept.end()) return;
  for (Member member : candidates.members) {
    std::vector<std::uint8_t> mask(member.parameter.numel(), 1);
    if (const std::uint8_t* old = member.parameter.mask())
      std::copy_n(old, mask.size(), mask.data());
    bool changed = false;
    member.each([&](std::int64_t i, std::int64_t set) {
      changed |= mask[i] && !kept[set];
      mask[i] = mask[i] && kept[set];
    });
    if (changed) member.parameter.set_mask(mask);
  }
}

SliceUnits slice_units(std::int64_t units, std::int64_t span) {
  std::vector<std::int32_t> result;
  for (std::int64_t u = 0; u < units; ++u)
    result.insert(result.end(), span, static_cast<std::int32_t>(u));
  return std::make_shared<const std::vector<std::int32_t>>(std::move(result));
}

}  // namespace espalier::pruning
