// Constant folding: sums of weights times constants.
#include "pruning/compaction/constant_folding.h"

#include <algorithm>
#include <span>
#include <vector>

#include "layers/layers.h"

namespace espalier::pruning {
namespace {

// For each output the sum over these inputs of constant times weights: [O, I, ...] -> O.
std::vector<double> shares(const Reader& reader, std::span<const std::int64_t> inputs) {
  const Parameter& weight = reader.product.weight;
  const Shape& shape = weight.dense_shape();
  const std::int64_t outputs = shape[0], all = shape[1];  // all: of a group
  const std::int64_t taps = shape.numel() / (outputs * all);
  const std::int64_t of_group = outputs / reader.product.groups;
  std::vector<double> sums(static_cast<std::size_t>(outputs), 0);
  if (const Pattern& pattern = weight.pattern()) {
    pattern->each([&](std::int64_t k, std::int64_t element) {
      const std::int64_t o = element / (all * taps), i = element / taps % all;
      if (std::find(inputs.begin(), inputs.end(), i) != inputs.end())
        sums[o] += double{reader.inputs[o / of_group * all + i].value} * weight.data()[k];
    });
    return sums;
  }
  for (std::int64_t o = 0; o < outputs; ++o)
    for (const std::int64_t i : inputs)
      for (std::int64_t k = 0; k < taps; ++k)
        sums[o] += double{reader.inputs[o / of_group * all + i].value} *
                   weight.data()[(o * all + i) * taps + k];
  return sums;
}

// A bias whose masks let a share in.
bool takes(const Parameter& bias, const std::vector<double>& shares) {
  if (!bias.defined()) return false;
  for (std::size_t o = 0; o < shares.size(); ++o)
    if (bias.mask() && !bias.mask()[o] && shares[o] != 0) return false;
  return true;
}

}  // namespace

std::optional<std::string> obstacle(const Reader& reader, std::span<const std::int64_t> inputs) {
  const Parameter& bias = reader.product.bias;
  bool zero = true;
  for (int g = 0; g < reader.product.groups; ++g)
    for (const std::int64_t i : inputs) {
      const layers::Constant& input = reader.inputs[g * reader.product.weight.dense_shape()[1] + i];
      if (!input.known) return input.lost;
      zero = zero && input.value == 0;
    }
  if (zero) return {};
  if (reader.product.padded)
    return "is read by " + reader.layer.label() + ", a convolution with padding";
  if (reader.norm || !bias.defined()) return {};
  if (takes(bias, shares(reader, inputs))) return {};
  return "is read by " + reader.layer.label() + ", whose bias is removed";
}

bool absorb(const Reader& reader, std::span<const std::int64_t> inputs) {
  Parameter& bias = reader.product.bias;
  const std::vector<double> sums = shares(reader, inputs);
  if (std::all_of(sums.begin(), sums.end(), [](double sum) { return sum == 0; })) return false;
  const bool into_norm = reader.norm && !takes(bias, sums);
  if (!into_norm && !bias.defined()) {
    bias = Parameter(Tensor::zeros({reader.product.weight.dense_shape()[0]}));
    reader.product.has_bias = true;
  }
  float* to = into_norm ? reader.norm->running_mean.mutable_data() : bias.mutable_data();
  for (std::size_t o = 0; o < sums.size(); ++o)
    to[o] = static_cast<float>(to[o] + (into_norm ? -sums[o] : sums[o]));
  return true;
}

}  // namespace espalier::pruning
