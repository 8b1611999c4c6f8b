// Metadata of a model file beside its topology: the recipe and how far training has come, the
// inputs' normalisation and the classes' names. The input is keys and values, a NUL between each.
#include "examples/cli/checkpoint.h"
#include "examples/cli/json.h"
#include "tests/fuzz/safetensors_input.h"

namespace espalier::fuzz {
namespace {

constexpr const char* kTopology =
    R"({"version": 1, "name": "", "input": [3, 2, 2], "root": {"type": "Flatten"}})";

const Registered target("metadata", [](Input input) {
  const std::vector<std::string_view> pieces = split(text_of(input), '\0');
  cli::Json metadata;
  for (std::size_t i = 0; i + 1 < pieces.size(); i += 2)
    metadata[std::string(pieces[i])] = std::string(pieces[i + 1]);
  metadata["espalier.topology"] = kTopology;
  const std::string header = cli::Json{{"__metadata__", metadata}}.dump(
      -1, ' ', false, cli::Json::error_handler_t::replace);
  reads([&] { cli::load_checkpoint(safetensors_of(std::as_bytes(std::span(header)))); });
});

}  // namespace
}  // namespace espalier::fuzz
