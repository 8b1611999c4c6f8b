// Autograd: the tape. An operation computes its result and records, right beside it, one function
// that goes back: from the result's gradient to those of its inputs.
//
//   Tensor square(const Tensor& x) {
//     Tensor y = Tensor::empty(x.shape());
//     ... y = x * x ...
//     return record(Op::Mul, y, {x}, [x](const Tensor& dy) {
//       if (GradOut dx = grad_out(x)) ... dx = or += 2 * x * dy ...
//     });
//   }
//
// A way back that needs the result's values keeps y.detach(): y itself would hold its own node.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include "core/operation.h"
#include "core/tensor.h"

namespace espalier {

// Whether operations on this thread record what they do.
bool grad_enabled();

// Nothing is recorded on this thread while an object of this class lives.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// One operation on the tape. It holds its inputs, never its result: the result holds the node.
class TapeNode {
 public:
  static constexpr int kMaxInputs = 5;

  TapeNode(Op op, std::initializer_list<Tensor> inputs);
  virtual ~TapeNode();
  virtual void backward(const Tensor& dy) = 0;
  virtual void release() = 0;  // forgets what the way back needed
  void used_up();              // after its turn: lets go of everything behind it

  const Op op;
  const std::uint64_t sequence;  // grows with every node: inputs come before results
  std::array<Tensor, kMaxInputs> inputs;
  Tensor gradient;        // of the result, while a backward pass runs
  bool reached = false;   // in the backward pass that runs
  bool released = false;  // by a backward pass that has run
};

template <class Backward>
class RecordedNode final : public TapeNode {
 public:
  RecordedNode(Op op, std::initializer_list<Tensor> inputs, Backward&& backward)
      : TapeNode(op, inputs), backward_(std::move(backward)) {}
  void backward(const Tensor& dy) override { (*backward_)(dy); }
  void release() override { backward_.reset(); }

 private:
  std::optional<Backward> backward_;
};

// True where the tape is on and one of the inputs requires a gradient.
bool needs_record(std::initializer_list<Tensor> inputs);
void attach(Tensor& result, std::shared_ptr<TapeNode> node);

// Puts the result on the tape, with `backward(const Tensor& dy)` as the way back. dy has the
// result's shape and layout. Where nothing needs a gradient the result comes back as it is.
template <class Backward>
Tensor record(Op op, Tensor result, std::initializer_list<Tensor> inputs, Backward backward) {
  if (needs_record(inputs))
    attach(result, std::allocate_shared<RecordedNode<Backward>>(
                       PoolAllocator<RecordedNode<Backward>>(), op, inputs, std::move(backward)));
  return result;
}

// Where a way back puts the gradient of an input: memory in the input's layout. Gradients are added
// up: `add` is false for the first contribution only, which finds uninitialised memory and writes
// every element of it, halo and padding lanes (zeros) included.
struct GradOut {
  float* data = nullptr;
  bool add = false;
  explicit operator bool() const { return data != nullptr; }  // false: no gradient wanted
};
// An operation that leaves zeros at the masked elements of a parameter by itself says so, and
// spares it a pass over the gradient.
GradOut grad_out(const Tensor& input, bool masks_itself = false);

}  // namespace espalier
