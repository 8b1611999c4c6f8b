// Tensor: making, reading and copying.
#include "core/tensor.h"

#include <algorithm>
#include <new>

#include "core/autograd.h"
#include "core/error.h"
#include "core/parameter.h"

namespace espalier {
namespace {

// What a handle points to; an error where it points to nothing.
TensorImpl& there(const std::shared_ptr<TensorImpl>& impl) {
  check(impl != nullptr, "tensor: found an empty handle, expected a tensor");
  return *impl;
}

std::shared_ptr<float> make_storage(std::int64_t floats) try {
  constexpr std::int64_t kMost = std::int64_t{1} << 44;  // their bytes can be counted
  if (floats > kMost) throw std::bad_alloc();
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  return {static_cast<float*>(allocate(bytes)), [bytes](float* data) { release(data, bytes); },
          PoolAllocator<float>()};
} catch (const std::bad_alloc&) {
  fail("tensor: found no memory for its ", floats, " elements");
}

}  // namespace

TensorImpl::TensorImpl() = default;

// Destroying the node here would destroy the node's inputs, and theirs, one stack frame a node. It
// is laid aside instead, and the outermost destructor empties the pile in a loop.
TensorImpl::~TensorImpl() {
  if (!node) return;
  thread_local std::vector<std::shared_ptr<TapeNode>> pile;
  thread_local bool emptying = false;
  pile.push_back(std::move(node));
  if (emptying) return;
  emptying = true;
  while (!pile.empty()) {
    const std::shared_ptr<TapeNode> last = std::move(pile.back());
    pile.pop_back();
  }
  emptying = false;
}

Tensor Tensor::empty(const Shape& shape, const Layout& layout) {
  Tensor t(std::allocate_shared<TensorImpl>(PoolAllocator<TensorImpl>()));
  t.impl_->shape = shape;
  t.impl_->layout = layout;
  t.impl_->storage = make_storage(espalier::storage_size(shape, layout));
  return t;
}

Tensor Tensor::full(const Shape& shape, float value) {
  Tensor t = empty(shape);
  std::fill_n(t.mutable_data(), t.numel(), value);
  return t;
}

Tensor Tensor::zeros(const Shape& shape) { return full(shape, 0); }
Tensor Tensor::scalar(float value) { return full({}, value); }

Tensor Tensor::from(const Shape& shape, std::span<const float> values) {
  check(static_cast<std::int64_t>(values.size()) == shape.numel(), "tensor of shape ", shape.str(),
        ": found ", values.size(), " values, expected ", shape.numel());
  Tensor t = empty(shape);
  std::copy(values.begin(), values.end(), t.mutable_data());
  return t;
}

Tensor Tensor::randn(const Shape& shape, Rng& rng) {
  Tensor t = empty(shape);
  std::generate_n(t.mutable_data(), t.numel(), [&] { return rng.normal(); });
  return t;
}

Tensor Tensor::uniform(const Shape& shape, float low, float high, Rng& rng) {
  Tensor t = empty(shape);
  std::generate_n(t.mutable_data(), t.numel(), [&] { return rng.uniform(low, high); });
  return t;
}

const Shape& Tensor::shape() const { return there(impl_).shape; }
const Layout& Tensor::layout() const { return there(impl_).layout; }
const float* Tensor::data() const { return there(impl_).storage.get(); }
float* Tensor::mutable_data() {
  ++there(impl_).version;
  return there(impl_).storage.get();
}
std::int64_t Tensor::storage_size() const { return espalier::storage_size(shape(), layout()); }
std::uint64_t Tensor::version() const { return there(impl_).version; }

Planes Tensor::planes() const { return planes_of(there(impl_).storage.get(), shape(), layout()); }

std::vector<float> Tensor::to_vector() const {
  std::vector<float> values(static_cast<std::size_t>(numel()));
  relayout(shape(), data(), layout(), values.data(), {});
  return values;
}

float Tensor::item() const {
  check(numel() == 1, "item: found a tensor of shape ", shape().str(), ", expected one element");
  return layout().plain() ? data()[0] : to_vector()[0];
}

Tensor Tensor::clone() const {
  Tensor t = empty(shape(), layout());
  std::copy_n(data(), storage_size(), t.mutable_data());
  return t;
}

Tensor Tensor::view(const Shape& shape) const {
  Tensor t(std::allocate_shared<TensorImpl>(PoolAllocator<TensorImpl>()));
  t.impl_->shape = shape;
  t.impl_->layout = layout();
  t.impl_->storage = there(impl_).storage;
  return t;
}

Tensor Tensor::detach() const { return view(shape()); }

void Tensor::copy_from(const Tensor& other) {
  check(other.shape() == shape(), "copy: found shape ", other.shape().str(), ", expected ",
        shape().str());
  if (other.layout() == layout())
    std::copy_n(other.data(), storage_size(), mutable_data());
  else
    relayout(shape(), other.data(), other.layout(), mutable_data(), layout());
}

bool Tensor::requires_grad() const { return there(impl_).leaf_requires_grad || there(impl_).node; }

Tensor& Tensor::set_requires_grad(bool value) {
  check(!there(impl_).node, "requires_grad: found the result of an operation, expected a leaf");
  there(impl_).leaf_requires_grad = value;
  return *this;
}

Tensor Tensor::grad() const {
  mask_gradient(*this);
  return there(impl_).grad;
}
Tensor Tensor::unmasked_grad() const { return there(impl_).grad; }
void Tensor::zero_grad() { there(impl_).grad = Tensor(); }
void Tensor::retire_grad() { there(impl_).grad_retired = true; }

}  // namespace espalier
