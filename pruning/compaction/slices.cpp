// Slices: copies of what stays.
#include "pruning/compaction/slices.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/error.h"

namespace espalier::pruning {
namespace {

// A tensor seen as [outer][extent][inner], the middle one being cut.
struct View3 {
  View3(const Shape& shape, int dim) : extent(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
  template <class T>
  void copy(const T* from, const std::vector<std::int64_t>& slices, T* to) const {
    for (std::int64_t a = 0; a < outer; ++a)
      for (const std::int64_t e : slices)
        to = std::copy_n(from + (a * extent + e) * inner, inner, to);
  }
  std::int64_t outer = 1, extent, inner = 1;
};

}  // namespace

std::vector<std::vector<std::int64_t>> slices_by_unit(const SliceUnits& units, std::int64_t count) {
  std::vector<std::vector<std::int64_t>> result(static_cast<std::size_t>(count));
  for (std::int64_t e = 0; e < std::ssize(*units); ++e)
    if ((*units)[e] >= 0) result[(*units)[e]].push_back(e);
  return result;
}

Tensor cut(const Tensor& tensor, int dim, const std::vector<std::int64_t>& slices) {
  check(tensor.layout().plain(), "cut: found a tensor in lanes, expected a plain one");
  std::vector<std::int64_t> sizes = tensor.shape().sizes();
  sizes[dim] = static_cast<std::int64_t>(slices.size());
  Tensor result = Tensor::empty(Shape(sizes));
  View3(tensor.shape(), dim).copy(tensor.data(), slices, result.mutable_data());
  return result;
}

void cut(Parameter parameter, int dim, const std::vector<std::int64_t>& slices) {
  const Tensor value = cut(Tensor(parameter), dim, slices);
  std::vector<std::uint8_t> mask;
  if (parameter.mask()) {
    mask.resize(static_cast<std::size_t>(value.numel()));
    View3(parameter.shape(), dim).copy(parameter.mask(), slices, mask.data());
    if (std::find(mask.begin(), mask.end(), 0) == mask.end()) mask.clear();
  }
  std::map<std::string, Tensor> states;
  for (const auto& [key, state] : parameter.states()) states[key] = cut(state, dim, slices);
  parameter.assign(value, mask, std::move(states));
}

Kept alive(const Member& member, std::int64_t sets) {
  Kept result(static_cast<std::size_t>(sets), 0);
  const Parameter& parameter = member.parameter;
  member.each([&](std::int64_t i, std::int64_t set) {
    if (!result[set]) result[set] = !parameter.is_removed(i);
  });
  return result;
}

}  // namespace espalier::pruning
