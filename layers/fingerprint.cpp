// Fingerprint: FNV-1a (Fowler, Noll, Vo, 1991), taken a word at a time.
#include "layers/fingerprint.h"

#include <bit>
#include <cstdio>

#include "layers/state.h"
#include "layers/tree.h"

namespace espalier::layers {
namespace {

class Hash : public StateVisitor {
 public:
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    buffer(name, p, shape);
  }
  void buffer(const std::string&, Tensor& tensor, const Shape&) override {
    for (const float value : tensor.to_vector()) add(std::bit_cast<std::uint32_t>(value));
  }
  void pattern(const std::string&, Pattern& pattern, const Shape&, std::int64_t) override {
    for (const std::uint32_t start : pattern->row_starts()) add(start);
    for (const std::uint32_t column : pattern->columns()) add(column);
  }
  void counter(const std::string&, std::int64_t& count) override {
    add(static_cast<std::uint64_t>(count));
  }

  std::uint64_t value() const { return hash_; }

 private:
  // High bits come down, or those of a product would never reach the low ones.
  void add(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3;
    hash_ ^= hash_ >> 32;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace

std::string fingerprint(const Model& model) {
  Hash hash;
  visit_state(model.root(), hash);
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash.value()));
  return text;
}

}  // namespace espalier::layers
