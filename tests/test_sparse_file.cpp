// Sparse layers in files: back bit for bit, small, and no hostile file does more than raise a
// sentence.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/gradcheck.h"
#include "tests/sparse_network.h"
#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;
using Json = nlohmann::ordered_json;

namespace {

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// A file of one sparse layer [2, 3] with three values, to be spoilt.
struct SparseFile {
  template <class T>
  void set(const std::string& name, DType type, const std::vector<T>& list) {
    std::vector<std::byte> bytes(list.size() * sizeof(T));
    std::memcpy(bytes.data(), list.data(), bytes.size());
    tensors["fc.weight" + name] = {type, {static_cast<std::int64_t>(list.size())}, bytes};
  }
  SparseFile() {
    set<float>("", DType::F32, {1, 2, 3});
    set<std::uint8_t>(".columns", DType::U8, {1, 0, 2});
    set<std::uint8_t>(".row_starts", DType::U8, {0, 1, 3});
  }
  std::string error(const TempDir& dir) const {
    SafeTensorsWriter file;
    file.metadata("espalier.topology",
                  R"({"version":1,"name":"s","input":[)" + std::to_string(in) +
                      R"(],"root":{"type":"Sequential","children":[{"name":"fc","type":)"
                      R"("SparseLinear","config":{"in_features":)" +
                      std::to_string(in) + R"(,"out_features":)" + std::to_string(out) +
                      R"(,"nonzero":3,"bias":false}}]}})");
    for (const auto& [name, t] : tensors) file.add(name, t.type, t.shape, t.bytes);
    file.write(dir / "bad");
    return message([&] { load(dir / "bad"); });
  }

  struct Stored {
    DType type;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Stored> tensors;
  std::int64_t in = 3, out = 2;
};

}  // namespace

TEST_CASE("sparse file: a saved network comes back bit for bit") {
  const TempDir dir;
  const Model model = sparse_copy(masked_network());
  Parameter weight = model.parameter("block.conv.weight");
  weight.state("momentum").mutable_data()[5] = 4;
  save(model, dir / "m", {.states = true});
  const Model back = load(dir / "m");
  CHECK(topology(back) == topology(model));
  const auto a = model.parameters(), b = back.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name() == b[i].name());
    CHECK(a[i].to_vector() == b[i].to_vector());
  }
  CHECK(back.parameter("block.conv.weight").states().at("momentum").data()[5] == 4);
  const Tensor x = random_tensor({20, 3, 12, 12}, 1);
  CHECK(back(x).to_vector() == model(x).to_vector());
  CHECK(dense_copy(back).parameter("fc.weight").to_vector() ==
        dense_copy(model).parameter("fc.weight").to_vector());
  save(back, dir / "again", {.states = true});
  CHECK(read_file(dir / "again") == read_file(dir / "m"));

  // The weights alone, into a network with another pattern of as many values, and a dense one.
  const Model other = sparse_copy(masked_network());
  Parameter fc = other.parameter("fc.weight");
  std::vector<std::uint8_t> kept(540, 0);
  std::fill_n(kept.begin(), fc.numel(), 1);
  fc.assign(fc, {}, {}, pattern_of({10, 54}, kept));
  save(model, dir / "weights");
  load_weights(other, dir / "weights");
  CHECK(other(x).to_vector() == model(x).to_vector());
  const Model dense = masked_network();
  load_weights(dense, dir / "weights");
  CHECK(dense(x).to_vector() == model(x).to_vector());
  load_weights(other, (save(masked_network(), dir / "dense"), dir / "dense"));
  CHECK(other.parameter("fc.weight").pattern() == nullptr);
}

TEST_CASE("sparse file: indices take as few bytes as hold them") {
  const TempDir dir;
  const auto types = [&](std::int64_t out, std::int64_t in, double density) {
    const Model model(Sequential{{"fc", Linear(in, out, {.bias = false})}}, {in});
    Parameter weight = model.parameter("fc.weight");
    weight.set_mask(random_mask(out * in, density, 1));
    weight.to_csr();
    save(model, dir / "m");
    const Tensor x = random_tensor({3, in}, 2);
    CHECK(load(dir / "m")(x).to_vector() == model(x).to_vector());
    const SafeTensors file = SafeTensors::read(dir / "m");
    CHECK(file.tensors().size() == 3);
    CHECK(file.at("fc.weight").shape == std::vector<std::int64_t>{weight.numel()});
    return std::string(dtype_name(file.at("fc.weight.columns").dtype)) + " " +
           std::string(dtype_name(file.at("fc.weight.row_starts").dtype));
  };
  CHECK(types(1, 255, 1) == "U8 U8");
  CHECK(types(1, 256, 1) == "U8 U16");  // columns up to 255, starts up to 256
  CHECK(types(1, 257, 0.5) == "U16 U8");
  CHECK(types(1, 65535, 1) == "U16 U16");
  CHECK(types(1, 65536, 1) == "U16 U32");
  CHECK(types(1, 65537, 0) == "U32 U8");
}

TEST_CASE("sparse file: hostile files are refused in one sentence") {
  const TempDir dir;
  const auto refuse = [&](const SparseFile& file, const std::string& tensor,
                          const std::string& part) {
    const std::string text = file.error(dir);
    INFO(text);
    CHECK(text.starts_with((dir / "bad") + ": "));
    CHECK(text.find(tensor) != text.npos);
    CHECK(text.find(part) != text.npos);
    CHECK(text.find('\n') == text.npos);
  };
  CHECK(SparseFile().error(dir) == "no error");
  using U8 = std::uint8_t;
  const auto spoil = [&](const std::string& name, std::vector<U8> list, const std::string& part) {
    SparseFile file;
    file.set<U8>(name, DType::U8, list);
    refuse(file, "fc.weight", part);
  };
  spoil(".row_starts", {0, 3, 1}, "found rows from 0 to 1");
  spoil(".row_starts", {0, 5, 3}, "expected starts that do not fall");
  spoil(".row_starts", {0, 255, 3}, "expected starts that do not fall");
  spoil(".row_starts", {1, 1, 3}, "found rows from 1 to 3");
  spoil(".row_starts", {0, 1, 4}, "found rows from 0 to 4");
  spoil(".row_starts", {0, 3}, "found shape [2], expected [3]");
  spoil(".row_starts", {0, 1, 2, 3}, "found shape [4], expected [3]");
  spoil(".columns", {3, 0, 2}, "found column 3 in row 0, expected less than 3");
  spoil(".columns", {1, 2, 0}, "found column 0 after 2 in row 1, expected rising columns");
  spoil(".columns", {1, 2, 2}, "found column 2 after 2 in row 1, expected rising columns");
  spoil(".columns", {1, 0}, "found shape [2], expected [3]");
  spoil(".columns", {1, 0, 2, 2}, "found shape [4], expected [3]");

  SparseFile wide, wide_starts, narrow, halves, missing, no_starts, surplus;
  wide.set<std::uint16_t>(".columns", DType::U16, {1, 0, 2});
  refuse(wide, "fc.weight.columns", "found U16, expected U8");
  wide_starts.set<std::uint32_t>(".row_starts", DType::U32, {0, 1, 3});
  refuse(wide_starts, "fc.weight.row_starts", "found U32, expected U8");
  narrow.in = 1000;
  refuse(narrow, "fc.weight.columns", "found U8, expected U16");
  halves.set<float>("", DType::F32, {1, 2});
  refuse(halves, "fc.weight.columns", "found shape [3], expected [2]");
  missing.tensors.erase("fc.weight.columns");
  refuse(missing, "fc.weight.columns", "found no tensor");
  no_starts.tensors.erase("fc.weight.row_starts");
  refuse(no_starts, "fc.weight.row_starts", "found no tensor");
  surplus.set<U8>(".column", DType::U8, {1, 0, 2});
  refuse(surplus, "fc.weight.column", "expected none of that name");

  SparseFile many, square;
  many.set<float>("", DType::F32, {1, 2, 3, 4, 5, 6, 7});
  refuse(many, "fc.weight", "found shape [7], expected at most 6 values for its columns");
  square.tensors["fc.weight"].shape = {3, 1};
  refuse(square, "fc.weight", "found shape [3, 1], expected at most 6 values");
}

TEST_CASE("sparse file: sizes that only memory could refuse are refused before") {
  const TempDir dir;
  SparseFile file;
  file.in = 1 << 26, file.out = 1 << 26;  // 2^52 elements
  CHECK(file.error(dir).find("fc.weight.row_starts") != std::string::npos);
  file.in = 1 << 26, file.out = 40;  // more elements than a pattern holds, and so few values
  std::vector<std::uint8_t> starts(41, 3);
  starts[0] = 0;
  file.set<std::uint8_t>(".row_starts", DType::U8, starts);
  file.set<std::uint32_t>(".columns", DType::U32, {1, 2, 3});
  const std::string text = file.error(dir);
  CHECK(text.find("fc.weight: sparse pattern: found a weight of shape") != std::string::npos);
}
