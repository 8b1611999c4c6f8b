// Model files without masks, and how weights are told from others.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "layers/layers.h"
#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::layers;
using espalier::testing::TempDir;

namespace {

Model small(std::uint64_t seed = 0) {
  return Model(Sequential{{"conv1", Conv2d(3, 4, {.padding = 1})},
                          {"bn1", BatchNorm(4)},
                          {"relu", ReLU()},
                          {"pool", GlobalAvgPool()},
                          {"flatten", Flatten()},
                          {"fc", Linear(4, 3)}},
               {3, 8, 8}, seed, "small");
}

}  // namespace

TEST_CASE("model file: without masks, the zeros of what was masked are masked when it is loaded") {
  TempDir folder;
  const std::string path = folder / "model.safetensors";
  const Model model = small();
  Parameter weight = model.parameter("conv1.weight"), full = model.parameter("fc.weight");
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 1);
  mask[0] = mask[7] = 0;
  weight.set_mask(mask);
  full.set_mask(std::vector<std::uint8_t>(static_cast<std::size_t>(full.numel()), 1));
  model.parameter("conv1.bias").mutable_data()[0] = 0;  // was never pruned
  save(model, path, {.masks = false});
  CHECK(!SafeTensors::read(path).contains("conv1.weight.mask"));
  const ModelFile file = load_file(path);
  CHECK(file.metadata.empty());
  const Parameter loaded = file.model.parameter("conv1.weight");
  REQUIRE(loaded.mask());
  CHECK(std::equal(mask.begin(), mask.end(), loaded.mask()));
  CHECK(!file.model.parameter("fc.weight").mask());
  CHECK(!file.model.parameter("conv1.bias").mask());
  CHECK(fingerprint(file.model) == fingerprint(model));

  // A name that is no parameter's.
  const std::vector<std::byte> bytes = read_file(path);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string key = "zeros_are_pruned\":\"";
  REQUIRE(text.find(key) != text.npos);
  text.replace(text.find(key) + key.size(), 5, "conv9");
  write_file(path, text);
  std::string message;
  try {
    load(path);
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(message == path + ": metadata espalier.zeros_are_pruned: found conv9.weight, expected " +
                       "names of this model's parameters only");
}

TEST_CASE("fingerprint: tells weights from others, and does not look at masks") {
  const Model model = small(), same = small(), other = small(1);
  CHECK(fingerprint(model) == fingerprint(same));
  CHECK(fingerprint(model) != fingerprint(other));
  Parameter weight = same.parameter("fc.weight");
  weight.set_mask(std::vector<std::uint8_t>(static_cast<std::size_t>(weight.numel()), 1));
  CHECK(fingerprint(model) == fingerprint(same));
  weight.mutable_data()[5] += 1;
  CHECK(fingerprint(model) != fingerprint(same));
}
