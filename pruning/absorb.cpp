// Absorb: sums of weights times constants.
#include "pruning/absorb.h"

#include <algorithm>
#include <span>
#include <vector>

#include "layers/layers.h"

namespace espalier::pruning {
namespace {

// What a layer has a bias in, whichever kind it is.
struct Biased {
  Parameter weight;
  Parameter* bias;
  bool* has_bias;
  bool padded;
};

Biased biased(layers::Module& layer) {
  if (auto* conv = dynamic_cast<layers::Conv2d*>(&layer))
    return {conv->weight, &conv->bias, &conv->options.bias, conv->options.padding > 0};
  auto& linear = dynamic_cast<layers::Linear&>(layer);
  return {linear.weight, &linear.bias, &linear.options.bias, false};
}

// For each output the sum over these inputs of constant times weights: [O, I, ...] -> O.
std::vector<double> shares(const Reader& reader, const Parameter& weight, std::int64_t first,
                           std::int64_t count) {
  const std::int64_t outputs = weight.size(0), inputs = weight.size(1);
  const std::int64_t taps = weight.numel() / (outputs * inputs);
  std::vector<double> sums(static_cast<std::size_t>(outputs), 0);
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t i = first; i < first + count; ++i)
      for (std::int64_t k = 0; k < taps; ++k)
        sums[o] += double{reader.inputs[i].value} * weight.data()[(o * inputs + i) * taps + k];
  return sums;
}

bool all_zero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return x == 0; });
}

// A bias whose masks let a share in.
bool takes(const Parameter& bias, const std::vector<double>& shares) {
  if (!bias.defined()) return false;
  for (std::size_t o = 0; o < shares.size(); ++o)
    if (bias.mask() && !bias.mask()[o] && shares[o] != 0) return false;
  return true;
}

}  // namespace

std::string obstacle(const Reader& reader, std::int64_t first, std::int64_t count) {
  const Biased layer = biased(*reader.layer);
  const auto inputs = std::span(reader.inputs).subspan(first, count);
  if (std::all_of(inputs.begin(), inputs.end(), [](const Constant& c) { return c.value == 0; }))
    return "";
  if (layer.padded) return "is read by " + reader.layer->label() + ", a convolution with padding";
  if (reader.norm || !layer.bias->defined()) return "";
  if (takes(*layer.bias, shares(reader, layer.weight, first, count))) return "";
  return "is read by " + reader.layer->label() + ", whose bias is removed";
}

bool absorb(const Reader& reader, std::int64_t first, std::int64_t count) {
  const Biased layer = biased(*reader.layer);
  const std::vector<double> sums = shares(reader, layer.weight, first, count);
  if (all_zero(sums)) return false;
  const bool into_norm = reader.norm && !takes(*layer.bias, sums);
  if (!into_norm && !layer.bias->defined()) {
    *layer.bias = Parameter(Tensor::zeros({layer.weight.size(0)}));
    *layer.has_bias = true;
  }
  float* to = into_norm ? reader.norm->running_mean.mutable_data() : layer.bias->mutable_data();
  for (std::size_t o = 0; o < sums.size(); ++o)
    to[o] = static_cast<float>(to[o] + (into_norm ? -sums[o] : sums[o]));
  return true;
}

}  // namespace espalier::pruning
