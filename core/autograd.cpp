// Autograd: the walk back over the tape.
#include "core/autograd.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"

namespace espalier {
namespace {

thread_local bool enabled = true;
// One for all threads: a result may be made on another thread than its inputs.
std::atomic<std::uint64_t> next_sequence = 0;

// Every node behind `last`, newest first: a node's results all come after it, so this is an order
// in which each gradient is complete before it is passed on.
void collect(const std::shared_ptr<TapeNode>& last, std::vector<std::shared_ptr<TapeNode>>& order) {
  order.clear();
  last->reached = true;
  order.push_back(last);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (int k = 0; k < TapeNode::kMaxInputs; ++k) {
      const Tensor& input = order[i]->inputs[k];
      if (!input.defined() || !input.impl()->node || input.impl()->node->reached) continue;
      input.impl()->node->reached = true;
      order.push_back(input.impl()->node);
    }
  for (const auto& node : order) node->reached = false;
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a->sequence > b->sequence; });
}

// (+)= the gradient of a tensor of one element by itself, which is 1.
void put_one(const Tensor& tensor) {
  const float one = 1;
  const GradOut to = grad_out(tensor);
  relayout(tensor.shape(), &one, {}, to.data, tensor.layout(), to.add);
}

}  // namespace

bool grad_enabled() { return enabled; }

NoGrad::NoGrad() : before_(enabled) { enabled = false; }
NoGrad::~NoGrad() { enabled = before_; }

TapeNode::TapeNode(Op op, std::initializer_list<Tensor> given) : op(op), sequence(next_sequence++) {
  check(given.size() <= kMaxInputs, name(op), ": found ", given.size(),
        " inputs, expected at most ", kMaxInputs);
  std::copy(given.begin(), given.end(), inputs.begin());
}
TapeNode::~TapeNode() = default;

void TapeNode::used_up() {
  released = true;
  release();
  gradient = Tensor();
  inputs.fill(Tensor());
}

bool needs_record(std::initializer_list<Tensor> inputs) {
  if (!enabled) return false;
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const Tensor& x) { return x.defined() && x.requires_grad(); });
}

void attach(Tensor& result, std::shared_ptr<TapeNode> node) {
  result.impl()->node = std::move(node);
}

GradOut grad_out(const Tensor& input, bool masks_itself) {
  if (!input.defined() || !input.requires_grad()) return {};
  TensorImpl* impl = input.impl();
  Tensor& gradient = impl->node ? impl->node->gradient : impl->grad;
  const bool add = gradient.defined() && !impl->grad_retired;
  if (!gradient.defined()) gradient = Tensor::empty(impl->shape, impl->layout);
  impl->grad_retired = false;
  if (!add) impl->grad_unmasked = false;
  if (!masks_itself) impl->grad_unmasked = true;
  return {gradient.mutable_data(), add};
}

void Tensor::backward() const {
  check(defined() && numel() == 1, "backward: found a tensor of shape ",
        defined() ? shape().str() : "none", ", expected one element (a loss)");
  check(requires_grad(), "backward: nothing that led to this tensor requires a gradient");
  if (!impl_->node) return put_one(*this);  // a leaf
  flush_denormals();
  NoGrad off;
  thread_local std::vector<std::shared_ptr<TapeNode>> order;
  collect(impl_->node, order);
  for (const auto& node : order)
    check(!node->released, "backward: found a tape that an earlier backward pass has used up at ",
          name(node->op), ", expected a fresh forward pass");
  put_one(*this);
  for (auto& node : order) {
    // A node without a gradient fed nothing that the loss depends on.
    if (node->gradient.defined()) node->backward(node->gradient);
    node->used_up();
    node.reset();
  }
}

}  // namespace espalier
