// Tensor: a handle on float32 values with a logical shape, whatever lies beneath, and its place on
// the tape. Copies of a handle are the same tensor.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/layout.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/shape.h"

namespace espalier {

class TapeNode;

struct TensorImpl;

class Tensor {
 public:
  Tensor() = default;  // no tensor; defined() is false

  // Plain tensors. `from` takes values in row-major order and refuses a wrong count.
  static Tensor zeros(const Shape& shape);
  static Tensor full(const Shape& shape, float value);
  static Tensor from(const Shape& shape, std::span<const float> values);
  static Tensor scalar(float value);
  static Tensor randn(const Shape& shape, Rng& rng);
  static Tensor uniform(const Shape& shape, float low, float high, Rng& rng);
  // Uninitialised values (in lanes the halo too): for operations, which write every one.
  static Tensor empty(const Shape& shape, const Layout& layout = {});

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  std::int64_t size(int dim) const { return shape()[dim]; }
  std::int64_t numel() const { return shape().numel(); }
  const Layout& layout() const;

  // The values as they lie in memory. Writers take mutable_data(), which tells those who keep
  // something derived from the values that these have changed.
  const float* data() const;
  float* mutable_data();
  std::int64_t storage_size() const;  // floats in memory, halo and padding lanes included
  std::uint64_t version() const;      // grows with each mutable_data()
  Planes planes() const;              // in lanes only

  std::vector<float> to_vector() const;  // in row-major order of the logical shape
  float item() const;                    // the value of a tensor with one element
  Tensor clone() const;                  // own values, not on the tape
  Tensor detach() const;                 // the same values, not on the tape
  void copy_from(const Tensor& other);   // values of a tensor of the same shape

  // Autograd. A leaf that requires a gradient collects one; results of operations on it carry the
  // node that knows how to go back.
  bool requires_grad() const;  // itself a leaf that does, or a result of one
  Tensor& set_requires_grad(bool value = true);
  Tensor grad() const;  // of a leaf; not defined before the first backward pass
  // The same, but a masked parameter's may hold anything where the mask is 0: for those who mask by
  // themselves in the pass that reads it.
  Tensor unmasked_grad() const;
  void zero_grad();  // forgets the gradient; the next backward pass writes a new one
  // The gradient stays readable, but the next backward pass starts a new one instead of adding.
  // Optimisers call this at the end of a step, so a training loop needs no zero_grad().
  void retire_grad();
  // Adds d(this)/d(leaf) to the gradient of every leaf. This tensor has one element; the tape
  // behind it is used up, and a second call is an error.
  void backward() const;

  TensorImpl* impl() const { return impl_.get(); }
  friend bool same(const Tensor& a, const Tensor& b) { return a.impl_ == b.impl_; }

 private:
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}
  Tensor view(const Shape& shape) const;  // the same storage under another plain shape
  friend Tensor reshape(const Tensor&, const Shape&);

  std::shared_ptr<TensorImpl> impl_;
};

struct ParameterState;  // core/parameter.h

// What a handle points to. Only the core looks inside.
struct TensorImpl {
  TensorImpl();
  ~TensorImpl();

  Shape shape;
  Layout layout;
  std::shared_ptr<float> storage;  // of one or more tensors: a reshape shares it
  std::uint64_t version = 0;

  bool leaf_requires_grad = false;
  bool grad_retired = false;       // still readable, but no longer added to
  bool grad_unmasked = false;      // a contribution came from an operation that knows no masks
  Tensor grad;                     // of a leaf
  std::shared_ptr<TapeNode> node;  // of a result
  std::unique_ptr<ParameterState> parameter;
};

}  // namespace espalier
