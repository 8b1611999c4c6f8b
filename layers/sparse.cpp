// Sparse layers: the ways from and to dense ones.
#include "layers/sparse.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "layers/init.h"
#include "layers/sparse_conv.h"
#include "layers/sparse_linear.h"

namespace espalier::layers {
namespace {

Pattern pattern_in(const Parameter& weight) {
  const auto elements = static_cast<std::size_t>(weight.numel());
  if (weight.mask()) return pattern_of(weight.shape(), {weight.mask(), elements});
  std::vector<std::uint8_t> kept(elements);
  std::transform(weight.data(), weight.data() + elements, kept.begin(),
                 [](float value) { return value != 0; });
  return pattern_of(weight.shape(), kept);
}

// Puts a parameter's value and states through `change`.
template <class Change>
void transform(Parameter parameter, std::span<const std::uint8_t> mask, const Change& change) {
  std::map<std::string, Tensor> states;
  for (const auto& [key, tensor] : parameter.states()) states[key] = change(tensor);
  parameter.assign(change(parameter), mask, std::move(states));
}

// What the pattern and the values' own mask keep; empty where that is everything.
std::vector<std::uint8_t> mask_of(const SparsePattern& pattern, const std::uint8_t* kept) {
  if (pattern.nonzero() == pattern.dense().numel() && !kept) return {};
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(pattern.dense().numel()), 0);
  pattern.each([&](std::int64_t i, std::int64_t element) { mask[element] = kept ? kept[i] : 1; });
  return mask;
}

// With the parameters, the name and the mode of another layer.
template <class From, class To>
std::shared_ptr<Module> finished(const From& from, To to) {
  to.weight = from.weight;
  to.bias = from.bias;
  to.set_name(from.name());
  to.train(from.training());
  return std::make_shared<To>(std::move(to));
}

template <class From, class To>
std::shared_ptr<Module> sparse_of(const From& dense, To to) {
  transform(dense.weight, {}, [&](const Tensor& tensor) { return gather(tensor, *to.pattern); });
  return finished(dense, std::move(to));
}

template <class From, class To>
std::shared_ptr<Module> dense_of(const From& sparse, To to) {
  check_filled(sparse, sparse.pattern, sparse.weight);
  transform(sparse.weight, mask_of(*sparse.pattern, sparse.weight.mask()),
            [&](const Tensor& tensor) { return scatter(tensor, *sparse.pattern); });
  return finished(sparse, std::move(to));
}

}  // namespace

bool is_sparse(const Module& layer) {
  return dynamic_cast<const SparseConv2d*>(&layer) || dynamic_cast<const SparseLinear*>(&layer);
}

std::shared_ptr<Module> to_sparse(Module& dense) {
  auto* conv = dynamic_cast<Conv2d*>(&dense);
  auto* linear = dynamic_cast<Linear*>(&dense);
  check(conv || linear, dense.label(), ": found a ", dense.type(), ", expected Conv2d or Linear");
  const Parameter& weight = conv ? conv->weight : linear->weight;
  check(weight.defined(), dense.label(), ": found no weights, expected a layer with them");
  const Pattern pattern = pattern_in(weight);
  if (conv) return sparse_of(*conv, SparseConv2d(pattern, conv->options));
  return sparse_of(*linear, SparseLinear(pattern, linear->options));
}

std::shared_ptr<Module> to_dense(Module& sparse) {
  if (auto* conv = dynamic_cast<SparseConv2d*>(&sparse))
    return dense_of(*conv, Conv2d(conv->in_channels, conv->out_channels, conv->options));
  auto* linear = dynamic_cast<SparseLinear*>(&sparse);
  check(linear, sparse.label(), ": found a ", sparse.type(),
        ", expected SparseConv2d or SparseLinear");
  return dense_of(*linear, Linear(linear->in_features, linear->out_features, linear->options));
}

std::int64_t most_nonzero(const Shape& dense) {
  return std::min<std::int64_t>(dense.numel(), std::numeric_limits<std::int32_t>::max());
}

void check_filled(const Module& layer, const Pattern& pattern, const Tensor& weight) {
  if (!pattern || !weight.defined()) [[unlikely]]
    fail(layer.label(), ": found no ", pattern ? "weights" : "pattern",
         ", expected a layer that was made from a dense one or loaded");
}

void initialize_sparse(const Module& layer, const Pattern& pattern, Tensor weight, Tensor bias,
                       const Rng& rng) {
  check_filled(layer, pattern, weight);
  const Tensor dense = Tensor::zeros(pattern->dense());
  default_weight(dense, rng.split(0));
  weight.copy_from(gather(dense, *pattern));
  if (bias.defined()) default_bias(bias, dense, rng.split(1));
}

}  // namespace espalier::layers
