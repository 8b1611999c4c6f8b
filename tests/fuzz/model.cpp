// Model files: the network with its tensors, masks, patterns and optimiser state, and the metadata
// beside it. A small network that loads is run, since what was read of it then decides what is
// touched in memory.
#include "core/autograd.h"
#include "examples/cli/checkpoint.h"
#include "tests/fuzz/safetensors_input.h"

namespace espalier::fuzz {
namespace {

bool small(const layers::Model& model) {
  std::int64_t work = 0;
  model.graph().trace(model.batch_shape(1),
                      [&](layers::Module& leaf, const Shape& input, const Shape& output) {
                        work += input.numel() + output.numel() + leaf.macs(input).dense;
                      });
  return work < 1 << 20;
}

const Registered target("model", [](Input input) {
  reads([&] {
    const cli::Checkpoint checkpoint = cli::load_checkpoint(safetensors_of(input));
    const layers::Model& model = checkpoint.model;
    if (!small(model)) return;
    model.eval();
    const NoGrad off;
    model(Tensor::full(model.batch_shape(2), 0.5f));
  });
});

}  // namespace
}  // namespace espalier::fuzz
