// Topology: the JSON text that a network is built from.
#include "layers/topology.h"

#include <string>

#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {
namespace {

const Registered target("topology", [](Input input) {
  reads([&] {
    const layers::Model model = layers::from_topology(std::string(text_of(input)), "input");
    model.outputs();
    const std::string written = layers::topology(model);
    std::string again;
    expect(reads([&] { again = layers::topology(layers::from_topology(written, "written")); }),
           "a topology that was read can be written and read again");
    expect(again == written, "a topology that is read and written stays the same");
  });
});

}  // namespace
}  // namespace espalier::fuzz
