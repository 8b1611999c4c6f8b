// Parameter: a leaf tensor that is trained. It may carry a mask, and it owns the state that
// optimisers keep for it, so that both follow it wherever it goes: into a file, or through a
// compaction that changes its shape.
//
// With a mask, the invariant is: where the mask is 0, value, gradient and every state tensor are
// exactly zero, at all times.
//
// A weight [O, I] or [O, C, KH, KW] has one of two formats. Dense: the tensor has all its elements.
// CSR (compressed sparse rows): the tensor [nonzero] has the values at the positions of a pattern,
// and everything else is zero. Mask, gradient and states have the tensor's shape. The operations
// that take weights, conv2d() and linear(), read the format off the parameter.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/sparse_pattern.h"
#include "core/tensor.h"

namespace espalier {

class Parameter : public Tensor {
 public:
  Parameter() = default;
  // Takes the values of a plain tensor; requires a gradient from now on.
  explicit Parameter(const Tensor& value, std::string name = "");
  Parameter(const Tensor& values, const Pattern& pattern, std::string name = "");  // in CSR

  const std::string& name() const;  // "conv1.weight": the path from the model down to here
  void set_name(std::string name);

  // One byte an element, 1 kept and 0 removed, in row-major order; null where there is none.
  const std::uint8_t* mask() const;
  void set_mask(std::span<const std::uint8_t> mask);  // zeroes what it removes
  void clear_mask();
  // Whether an element is removed: by the mask, or, without one, by being exactly zero.
  bool is_removed(std::int64_t i) const { return mask() ? mask()[i] == 0 : data()[i] == 0; }
  std::int64_t nonzero() const;  // elements that are not exactly zero
  // Sets to zero, in value and state, what the mask removes. For those who write values directly.
  void enforce_mask();

  // Whether the gradient is also wanted where the mask is 0 (to choose what may grow back).
  void set_dense_gradient(bool wanted);
  bool dense_gradient() const;

  // A tensor of the parameter's shape that belongs to it, zero at first: "momentum", "exp_avg".
  Tensor& state(const std::string& key);
  std::map<std::string, Tensor>& states() const;

  const Pattern& pattern() const;    // null: dense
  const Shape& dense_shape() const;  // of all elements, whatever the format

  // To CSR, for what the mask keeps or, without a mask, what is not exactly zero; the mask, which
  // then says nothing, goes. Value and states come along, so an optimiser made before goes on. An
  // Error unless the shape is one of a weight. Does nothing in CSR.
  void to_csr();
  // And back: zeros elsewhere, masked there (no mask where all is kept).
  void to_dense();

  // Replaces value, mask, states and format by others, of another shape perhaps; the identity
  // stays.
  void assign(const Tensor& value, std::span<const std::uint8_t> mask,
              std::map<std::string, Tensor> states, Pattern pattern = {});
};

// Which order a kernel wants a weight's values in, where there are several.
struct PackedKey {
  std::shared_ptr<const void> order = {};
  int form = 0;
  friend bool operator==(const PackedKey&, const PackedKey&) = default;
};

struct ParameterState {
  std::string name;
  std::vector<std::uint8_t> mask;  // empty: none
  bool dense_gradient = false;
  Pattern pattern;  // null: dense
  std::map<std::string, Tensor> states;

  std::mutex packing;  // of what follows, see core/packed.h
  Tensor packed;       // the values in a kernel's order, where an operation keeps them so
  std::uint64_t packed_version = 0;
  PackedKey packed_key;
};

// The pattern of a weight in CSR; null for any other tensor.
const Pattern& csr_pattern(const Tensor& weight);

// The mask that an operation applies to the gradient of a weight; null where it applies none.
const std::uint8_t* gradient_mask(const Tensor& weight);

// Zeroes the gradient of a masked parameter where the mask is 0, unless its operations did so. Done
// when somebody reads the gradient, so that an optimiser that masks in its own pass saves this one.
void mask_gradient(const Tensor& tensor);

}  // namespace espalier
