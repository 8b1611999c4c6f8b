// Fingerprint: a hash of all that training changes.
#include "layers/fingerprint.h"

#include <bit>

#include "core/hash.h"
#include "layers/state.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

class HashState : public StateVisitor {
 public:
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    if (const Pattern& pattern = p.pattern()) {
      for (const std::uint32_t start : pattern->row_starts()) hash.add_word(start);
      for (const std::uint32_t column : pattern->columns()) hash.add_word(column);
    }
    buffer(name, p, shape);
  }
  void buffer(const std::string&, Tensor& tensor, const Shape&) override {
    for (const float value : tensor.to_vector()) hash.add_word(std::bit_cast<std::uint32_t>(value));
  }
  void counter(const std::string&, std::int64_t& count) override {
    hash.add_word(static_cast<std::uint64_t>(count));
  }

  Hash hash;
};

}  // namespace

std::string fingerprint(const Model& model) {
  HashState state;
  visit_state(model, state);
  return state.hash.str();
}

}  // namespace espalier::layers
