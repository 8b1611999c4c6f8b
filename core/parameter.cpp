// Parameter: masks and state.
#include "core/parameter.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace espalier {
namespace {

void zero_removed(const std::vector<std::uint8_t>& mask, Tensor& tensor) {
  float* x = tensor.mutable_data();
  for (std::size_t i = 0; i < mask.size(); ++i) x[i] = mask[i] ? x[i] : 0;
}

ParameterState& state_of(const Tensor& parameter) {
  check(parameter.defined(), "parameter: found an empty handle, expected a parameter");
  return *parameter.impl()->parameter;
}

void check_mask(std::span<const std::uint8_t> mask, std::int64_t count, const std::string& name) {
  check(static_cast<std::int64_t>(mask.size()) == count, "mask of ", name, ": found ", mask.size(),
        " elements, expected ", count);
  const bool binary = std::all_of(mask.begin(), mask.end(), [](auto m) { return m <= 1; });
  check(binary, "mask of ", name, ": found a value other than 0 and 1");
}

void check_pattern(const Pattern& pattern, const Tensor& values, const std::string& name) {
  check(!pattern || values.shape() == Shape{pattern->nonzero()}, "parameter ", name,
        ": found values of shape ", values.shape().str(), ", expected [",
        pattern ? pattern->nonzero() : 0, "] for its pattern");
}

// What a dense parameter keeps.
Pattern pattern_in(const Parameter& p) {
  const auto elements = static_cast<std::size_t>(p.numel());
  if (p.mask()) return pattern_of(p.shape(), {p.mask(), elements});
  std::vector<std::uint8_t> kept(elements);
  std::transform(p.data(), p.data() + elements, kept.begin(), [](float v) { return v != 0; });
  return pattern_of(p.shape(), kept);
}

// What a pattern and the mask of its values keep; empty where that is everything.
std::vector<std::uint8_t> mask_of(const SparsePattern& pattern, const std::uint8_t* kept) {
  if (pattern.nonzero() == pattern.dense().numel() && !kept) return {};
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(pattern.dense().numel()), 0);
  pattern.each([&](std::int64_t i, std::int64_t element) { mask[element] = kept ? kept[i] : 1; });
  return mask;
}

template <class Change>
std::map<std::string, Tensor> changed(const std::map<std::string, Tensor>& states,
                                      const Change& change) {
  std::map<std::string, Tensor> result;
  for (const auto& [key, tensor] : states) result[key] = change(tensor);
  return result;
}

}  // namespace

Parameter::Parameter(const Tensor& values, const Pattern& pattern, std::string name)
    : Parameter(values, std::move(name)) {
  check_pattern(pattern, values, this->name());
  state_of(*this).pattern = pattern;
}

Parameter::Parameter(const Tensor& value, std::string name) : Tensor(value.detach()) {
  check(value.layout().plain(), "parameter ", name, ": found a tensor in lanes, expected plain");
  impl()->parameter = std::make_unique<ParameterState>();
  impl()->parameter->name = std::move(name);
  set_requires_grad();
}

const std::string& Parameter::name() const { return state_of(*this).name; }
void Parameter::set_name(std::string name) { state_of(*this).name = std::move(name); }

const std::uint8_t* Parameter::mask() const {
  const auto& mask = state_of(*this).mask;
  return mask.empty() ? nullptr : mask.data();
}

void Parameter::set_mask(std::span<const std::uint8_t> mask) {
  check_mask(mask, numel(), name());
  state_of(*this).mask = std::vector<std::uint8_t>(mask.begin(), mask.end());  // may be its own
  enforce_mask();
}

void Parameter::clear_mask() { state_of(*this).mask.clear(); }

std::int64_t Parameter::nonzero() const {
  const float* x = data();
  return std::count_if(x, x + numel(), [](float value) { return value != 0; });
}

void Parameter::enforce_mask() {
  const auto& mask = state_of(*this).mask;
  if (mask.empty()) return;
  zero_removed(mask, *this);
  for (auto& [key, tensor] : states()) zero_removed(mask, tensor);
  if (impl()->grad.defined() && !dense_gradient()) zero_removed(mask, impl()->grad);
}

void Parameter::set_dense_gradient(bool wanted) {
  state_of(*this).dense_gradient = wanted;
  if (!wanted && mask() && impl()->grad.defined())  // what was written while it was wanted
    zero_removed(state_of(*this).mask, impl()->grad);
}
bool Parameter::dense_gradient() const { return state_of(*this).dense_gradient; }

Tensor& Parameter::state(const std::string& key) {
  Tensor& tensor = states()[key];
  if (!tensor.defined()) tensor = Tensor::zeros(shape());
  return tensor;
}

std::map<std::string, Tensor>& Parameter::states() const { return state_of(*this).states; }

const Pattern& Parameter::pattern() const { return state_of(*this).pattern; }

const Shape& Parameter::dense_shape() const { return pattern() ? pattern()->dense() : shape(); }

void Parameter::to_csr() {
  if (pattern()) return;
  const Pattern kept = pattern_in(*this);
  const auto change = [&](const Tensor& tensor) { return gather(tensor, *kept); };
  assign(change(*this), {}, changed(states(), change), kept);
}

void Parameter::to_dense() {
  if (!pattern()) return;
  const Pattern kept = pattern();
  const auto change = [&](const Tensor& tensor) { return scatter(tensor, *kept); };
  assign(change(*this), mask_of(*kept, mask()), changed(states(), change));
}

void Parameter::assign(const Tensor& value, std::span<const std::uint8_t> mask,
                       std::map<std::string, Tensor> states, Pattern pattern) {
  check(value.layout().plain(), "parameter ", name(), ": found a tensor in lanes, expected plain");
  if (!mask.empty()) check_mask(mask, value.numel(), name());
  check_pattern(pattern, value, name());
  for (const auto& [key, tensor] : states)
    check(tensor.shape() == value.shape() && tensor.layout().plain(), "state ", key, " of ", name(),
          ": found shape ", tensor.shape().str(), tensor.layout().plain() ? "" : " in lanes",
          ", expected ", value.shape().str());
  const Tensor own = value.clone();
  impl()->shape = own.shape();
  impl()->storage = own.impl()->storage;
  ++impl()->version;
  impl()->grad = Tensor();
  state_of(*this).packed = Tensor();
  state_of(*this).pattern = std::move(pattern);
  state_of(*this).mask = std::vector<std::uint8_t>(mask.begin(), mask.end());
  this->states() = std::move(states);
  enforce_mask();
}

const Pattern& csr_pattern(const Tensor& weight) {
  static const Pattern none;
  const ParameterState* state = weight.impl()->parameter.get();
  return state ? state->pattern : none;
}

const std::uint8_t* gradient_mask(const Tensor& weight) {
  const ParameterState* state = weight.impl()->parameter.get();
  return state && !state->mask.empty() && !state->dense_gradient ? state->mask.data() : nullptr;
}

void mask_gradient(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.impl()->parameter || !tensor.impl()->grad_unmasked) return;
  if (gradient_mask(tensor) && tensor.impl()->grad.defined())
    zero_removed(tensor.impl()->parameter->mask, tensor.impl()->grad);
  tensor.impl()->grad_unmasked = false;
}

}  // namespace espalier
