// safetensors: the header, and every tensor's values.
#include "tests/fuzz/safetensors_input.h"

namespace espalier::fuzz {
namespace {

const Registered target("safetensors", [](Input input) {
  reads([&] {
    const SafeTensors file = safetensors_of(input);
    for (const auto& entry : file.tensors()) {
      const StoredTensor& tensor = entry.second;
      std::vector<float> values;
      if (!reads([&] { values = file.floats(entry.first, tensor.shape); })) continue;
      expect(values.size() * dtype_size(tensor.dtype) == tensor.bytes.size(),
             "a value for each element");
    }
  });
});

}  // namespace
}  // namespace espalier::fuzz
