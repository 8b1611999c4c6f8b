// Model files: what is saved comes back bit for bit without the model's code, and no file, however
// broken, does more than raise a sentence.
#include <doctest/doctest.h>

#include "core/error.h"
#include "core/file.h"
#include "core/ops/elementwise.h"
#include "core/safetensors.h"
#include "tests/model_files.h"
#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

Tensor images(const Model& model, std::uint64_t seed = 1) {
  Rng rng(seed);
  return Tensor::randn(model.batch_shape(4), rng);
}

// A state_dict as PyTorch writes it, to be spoilt.
struct StateDict {
  std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>> floats;
  std::map<std::string, std::int64_t> integers;

  explicit StateDict(const Model& model) {
    for (const Parameter& p : model.parameters())
      floats[p.name()] = {p.shape().sizes(), p.to_vector()};
    for (const auto& [name, t] : model.buffers()) floats[name] = {t.shape().sizes(), t.to_vector()};
  }
  void write(const std::string& path) const {
    SafeTensorsWriter file;
    for (const auto& [name, tensor] : floats) file.add(name, tensor.first, tensor.second);
    for (const auto& [name, value] : integers)
      file.add(name, DType::I64, {}, std::as_bytes(std::span(&value, 1)));
    file.write(path);
  }
};

}  // namespace

TEST_CASE("model file: a saved model comes back without its code, bit for bit") {
  const TempDir dir;
  const Model model = everything();
  Parameter weight = model.parameter("block.conv1.weight");
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 1);
  for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 0;
  weight.set_mask(mask);
  model(images(model));  // moves running statistics and dropout's step
  save(model, dir / "m.safetensors");
  const Model back = load(dir / "m.safetensors");

  CHECK(back.name() == "everything");
  CHECK(back.input_shape() == model.input_shape());
  CHECK(topology(back) == topology(model));
  const auto a = model.parameters(), b = back.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name() == b[i].name());
    CHECK(a[i].to_vector() == b[i].to_vector());
    CHECK(b[i].requires_grad());
  }
  const Parameter same = back.parameter("block.conv1.weight");
  REQUIRE(same.mask());
  CHECK(std::vector<std::uint8_t>(same.mask(), same.mask() + same.numel()) == mask);
  CHECK_FALSE(back.parameter("fc.weight").mask());
  CHECK(dynamic_cast<BatchNorm&>(back.find("bn1")).num_batches_tracked == 1);
  // In training the batch's statistics and the next dropout, in evaluation the running statistics.
  CHECK(back(images(model, 2)).to_vector() == model(images(model, 2)).to_vector());
  model.eval(), back.eval();
  CHECK(back(images(model, 3)).to_vector() == model(images(model, 3)).to_vector());

  save(back, dir / "again.safetensors");
  CHECK(read_file(dir / "m.safetensors") != read_file(dir / "again.safetensors"));  // one step on
  save(load(dir / "again.safetensors"), dir / "third.safetensors");
  CHECK(read_file(dir / "again.safetensors") == read_file(dir / "third.safetensors"));
}

TEST_CASE("model file: every built-in model comes back") {
  const TempDir dir;
  for (const ModelChoice& choice : model_choices()) {
    if (std::string(choice.name) == "vgg16") continue;  // large, and of the same layers
    const Model model = make_model(choice.name, 10, 3);
    model.eval();
    save(model, dir / "m.safetensors");
    const Model back = load(dir / "m.safetensors");
    back.eval();
    CHECK(back(images(model)).to_vector() == model(images(model)).to_vector());
  }
}

TEST_CASE("model file: optimiser state, tensors and metadata of the caller travel along") {
  const TempDir dir;
  const Model model = LeNet300();
  Parameter weight = model.parameter("fc2.weight");
  weight.state("momentum").mutable_data()[5] = 4;
  Rng rng(1);
  const Tensor means = Tensor::randn({3}, rng);
  save(model, dir / "with",
       {.states = true,
        .tensors = {{"means", means}},
        .metadata = {{"epoch", "7"}, {"note", "\"quoted\" \xc3\xa9"}}});
  const ModelFile file = load_file(dir / "with");
  const Parameter back = file.model.parameter("fc2.weight");
  REQUIRE(back.states().count("momentum"));
  CHECK(back.states().at("momentum").data()[5] == 4);
  CHECK(file.model.parameter("fc1.weight").states().empty());
  CHECK(file.tensors.at("means").to_vector() == means.to_vector());
  CHECK(file.metadata ==
        std::map<std::string, std::string>{{"epoch", "7"}, {"note", "\"quoted\" \xc3\xa9"}});

  save(model, dir / "without");
  CHECK(load(dir / "without").parameter("fc2.weight").states().empty());
  CHECK_THROWS_AS(save(model, dir / "x", {.metadata = {{"espalier.topology", "{}"}}}), Error);
}

TEST_CASE("model file: masked elements are zero in what is loaded, state too") {
  const TempDir dir;
  const Model model(Sequential{{"fc", Linear(2, 2, {.bias = false})}}, {2});
  const std::vector<float> ones(4, 1);
  const std::vector<std::uint8_t> mask{1, 0, 0, 1};
  SafeTensorsWriter file;  // by hand, with values where the mask is 0
  file.metadata("espalier.topology", topology(model));
  file.add("fc.weight", {2, 2}, ones);
  file.add("fc.weight.state.momentum", {2, 2}, ones);
  file.add("fc.weight.mask", DType::U8, {2, 2}, std::as_bytes(std::span(mask)));
  file.write(dir / "m");
  const Parameter weight = load(dir / "m").parameter("fc.weight");
  CHECK(weight.to_vector() == std::vector<float>{1, 0, 0, 1});
  CHECK(weight.states().at("momentum").to_vector() == std::vector<float>{1, 0, 0, 1});
}

TEST_CASE("model file: a saved file holds a state_dict that PyTorch loads, and nothing else") {
  const TempDir dir;
  const Model model = ResNet20();
  save(model, dir / "m");
  const SafeTensors file = SafeTensors::read(dir / "m");
  CHECK(file.tensors().size() == model.parameters().size() + 3 * 21);  // 21 batch norms
  CHECK(file.at("bn1.num_batches_tracked").dtype == DType::I64);
  CHECK(file.at("bn1.num_batches_tracked").shape.empty());
  CHECK(file.at("layer2.0.shortcut.0.weight").shape == std::vector<std::int64_t>{32, 16, 1, 1});
  CHECK(file.metadata().at("format") == "pt");
}

TEST_CASE("load_weights: a plain state_dict fills a model") {
  const TempDir dir;
  const Model from = everything(5), to = everything(6);
  Parameter masked = to.parameter("fc.weight");
  masked.set_mask(std::vector<std::uint8_t>(18, 0));
  masked.state("momentum");
  StateDict dict(from);
  dict.write(dir / "m");
  load_weights(to, dir / "m");
  CHECK_FALSE(masked.mask());  // the very parameters that were there, with the file's content
  CHECK(masked.states().empty());
  dict.integers = {{"bn1.num_batches_tracked", 12}, {"block.shortcut.1.num_batches_tracked", 12}};
  dict.write(dir / "m");
  load_weights(to, dir / "m");
  CHECK(dynamic_cast<BatchNorm&>(to.find("bn1")).num_batches_tracked == 12);
  from.eval(), to.eval();
  CHECK(to(images(to)).to_vector() == from(images(to)).to_vector());
  CHECK(holds(message([&] { load(dir / "m"); }), "found no topology"));
}

TEST_CASE("load_weights: what is missing, surplus or of another shape or type is named") {
  const TempDir dir;
  const Model model = everything(5);
  const StateDict good(everything(6));
  std::vector<std::vector<float>> before;
  for (const Parameter& p : model.parameters()) before.push_back(p.to_vector());
  const auto refuse = [&](const StateDict& dict, const std::string& part) {
    dict.write(dir / "bad");
    const std::string text = message([&] { load_weights(model, dir / "bad"); });
    INFO(text);
    CHECK(begins(text, (dir / "bad") + ":"));
    CHECK(holds(text, part));
    std::vector<std::vector<float>> after;
    for (const Parameter& p : model.parameters()) after.push_back(p.to_vector());
    CHECK(after == before);  // nothing half loaded
  };
  StateDict missing = good, buffer = good, surplus = good, shape = good, type = good;
  missing.floats.erase("fc.weight");  // the last one, when all others are read already
  refuse(missing, "fc.weight");
  buffer.floats.erase("bn1.running_var");
  refuse(buffer, "bn1.running_var");
  surplus.floats["fc.bias"] = {{3}, {1, 2, 3}};
  refuse(surplus, "fc.bias");
  shape.floats["fc.weight"].first = {6, 3};
  refuse(shape, "fc.weight");
  type.floats.erase("fc.weight");
  type.integers["fc.weight"] = 1;
  refuse(type, "fc.weight");
  StateDict count = good;
  count.floats["bn1.num_batches_tracked"] = {{}, {1}};
  count.write(dir / "count");
  load_weights(everything(5), dir / "count");  // of another type it is left aside
  CHECK(holds(message([&] { load_weights(model, dir / "nothing"); }), "nothing"));
}

TEST_CASE("model file: masks and state that do not fit are refused") {
  const TempDir dir;
  const Model model(Sequential{{"fc", Linear(2, 2, {.bias = false})}}, {2});
  const std::vector<float> values(4, 1);
  const auto refuse = [&](const std::string& name, DType type, std::vector<std::int64_t> shape,
                          std::vector<std::uint8_t> bytes, const std::string& part) {
    SafeTensorsWriter file;
    file.metadata("espalier.topology", topology(model));
    file.add("fc.weight", {2, 2}, values);
    file.add(name, type, std::move(shape), std::as_bytes(std::span(bytes)));
    file.write(dir / "bad");
    const std::string text = message([&] { load(dir / "bad"); });
    INFO(text);
    CHECK(begins(text, (dir / "bad") + ":"));
    CHECK(holds(text, name));
    CHECK(holds(text, part));
  };
  refuse("fc.weight.mask", DType::U8, {2, 2}, {1, 0, 2, 1}, "expected 0 or 1");
  refuse("fc.weight.mask", DType::U8, {4}, {1, 0, 1, 1}, "[2, 2]");
  refuse("fc.weight.mask", DType::I8, {2, 2}, {1, 0, 1, 1}, "U8");
  refuse("fc.bias.mask", DType::U8, {2}, {1, 1}, "expected none");
  refuse("fc.weight.state.momentum", DType::F32, {1}, {0, 0, 0, 0}, "[2, 2]");
  refuse("fc.bias.state.momentum", DType::F32, {1}, {0, 0, 0, 0}, "expected none");
}

TEST_CASE("registry: a layer of one's own loads once it is registered") {
  struct Twice : Module {
    std::string type() const override { return "Twice"; }
    Tensor forward(const Tensor& x) override { return x * 2; }
    Shape output_shape(const Shape& input) const override { return input; }
    std::shared_ptr<Module> copy() const override { return std::make_shared<Twice>(*this); }
  };
  const TempDir dir;
  const Model model(Sequential{{"twice", Twice()}}, {3});
  save(model, dir / "m");
  CHECK(holds(message([&] { load(dir / "m"); }), "found a layer of type 'Twice'"));
  register_layer("Twice", [](const Config&) { return std::make_shared<Twice>(); });
  const Tensor x = Tensor::full({1, 3}, 4);
  CHECK(load(dir / "m")(x).to_vector() == std::vector<float>{8, 8, 8});
}
