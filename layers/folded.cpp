// Folded: products in double precision, rounded once.
#include "layers/folded.h"

#include <cmath>

#include "layers/norm.h"

namespace espalier::layers {

Folded::Weights Folded::with(const Parameter& weight, const Tensor& bias) {
  const BatchNorm& norm = norm_;
  const std::lock_guard lock(mutex_);
  const std::array<const Tensor*, 6> now = {
      &weight, &bias, &norm.weight, &norm.bias, &norm.running_mean, &norm.running_var};
  bool changed = eps_ != norm.options.eps;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::uint64_t version = now[i]->defined() ? now[i]->version() : 0;
    if (same(sources_[i].tensor, *now[i]) && sources_[i].version == version) continue;
    sources_[i] = {*now[i], version};
    changed = true;
  }
  if (!changed) return kept_;
  eps_ = norm.options.eps;

  const Pattern& pattern = weight.pattern();
  kept_ = {Parameter(weight.clone(), pattern), Tensor::empty({norm.channels})};
  float *const w = kept_.weight.mutable_data(), *const b = kept_.bias.mutable_data();
  const std::int64_t each = weight.numel() / norm.channels;
  for (std::int64_t o = 0; o < norm.channels; ++o) {
    const double scale =
        norm.weight.data()[o] / std::sqrt(double{norm.running_var.data()[o]} + eps_);
    const double before = bias.defined() ? bias.data()[o] : 0;
    b[o] = static_cast<float>((before - norm.running_mean.data()[o]) * scale + norm.bias.data()[o]);
    const std::int64_t begin = pattern ? pattern->row_starts()[o] : o * each;
    const std::int64_t end = pattern ? pattern->row_starts()[o + 1] : begin + each;
    for (std::int64_t i = begin; i < end; ++i) w[i] = static_cast<float>(w[i] * scale);
  }
  return kept_;
}

}  // namespace espalier::layers
