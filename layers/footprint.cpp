// Footprint: counting what stands, and watching what comes.
#include "layers/footprint.h"

#include "core/autograd.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

struct Bytes : StateVisitor {
  void parameter(const std::string&, Parameter& p, const Shape&) override {
    count += p.numel() * static_cast<std::int64_t>(sizeof(float)) + (p.mask() ? p.numel() : 0);
  }
  void buffer(const std::string&, Tensor& t, const Shape&) override {
    count += t.numel() * static_cast<std::int64_t>(sizeof(float));
  }
  void weight(const std::string& name, Parameter& p, const Shape& dense) override {
    parameter(name, p, dense);
    const Pattern& pattern = p.pattern();
    if (!pattern) return;
    const std::size_t indices = pattern->row_starts().size() + pattern->columns().size();
    count += static_cast<std::int64_t>(indices * sizeof(std::uint32_t));
    // A pattern of its own: what kernels derive from it is made, and counted, anew.
    p.assign(p, p.mask() ? std::span(p.mask(), p.numel()) : std::span<const std::uint8_t>(), {},
             std::make_shared<const SparsePattern>(*pattern));
  }
  std::int64_t count = 0;
};

}  // namespace

Footprint footprint(const Model& model, std::int64_t images) {
  const NoGrad off;
  const ThreadScope alone(1);  // with several, what is alive at once is another from run to run
  const Tensor x = Tensor::zeros(model.batch_shape(images));
  Footprint result;
  // The first time round threads take the memory that they keep for all networks.
  for (int round = 0; round < 2; ++round) {
    const Model copy = model.clone();
    copy.eval();
    Bytes bytes;
    visit_state(copy, bytes);
    result.network = bytes.count;
    const auto before = static_cast<std::int64_t>(memory_statistics().live);
    reset_memory_peak();
    copy(x);
    result.running = static_cast<std::int64_t>(memory_statistics().peak) - before +
                     x.numel() * static_cast<std::int64_t>(sizeof(float));
  }
  return result;
}

}  // namespace espalier::layers
