// Model files: what is saved comes back bit for bit without the model's code, and no file, however
// broken, does more than raise a sentence.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/ops/elementwise.h"
#include "core/safetensors.h"
#include "layers/layers.h"
#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::layers;
using espalier::testing::TempDir;
using Json = nlohmann::ordered_json;

namespace {

Model everything(std::uint64_t seed = 2) {  // each kind of layer once
  Sequential shortcut;
  shortcut.add(Conv2d(4, 6, {.kernel = 1, .stride = 2, .bias = false})).add(BatchNorm(6));
  Sequential main{{"conv1", Conv2d(4, 6, {.stride = 2, .padding = 1})}, {"gelu", GELU()}};
  Sequential net{{"conv1", Conv2d(3, 4, {.kernel = 5, .padding = 2})},
                 {"bn1", BatchNorm(4, {.eps = 1e-3f, .momentum = 0.3f})},
                 {"relu", ReLU()},
                 {"pool", MaxPool2d()},
                 {"block", Residual(std::move(main), std::move(shortcut))},
                 {"open", Residual({{"act", LeakyReLU(0.3f)}}, {}, {.relu = false})},
                 {"average", AvgPool2d({.kernel = 3, .stride = 1, .padding = 1})},
                 {"all", GlobalAvgPool()},
                 {"flatten", Flatten()},
                 {"drop", Dropout(0.25f)},
                 {"id", Identity()},
                 {"fc", Linear(6, 3, {.bias = false})}};
  return Model(std::move(net), {3, 12, 12}, seed, "everything");
}

Tensor images(const Model& model, std::uint64_t seed = 1) {
  Rng rng(seed);
  return Tensor::randn(model.batch_shape(4), rng);
}

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool begins(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }
bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
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

TEST_CASE("topology: hostile text is refused in one sentence, and takes no memory") {
  const Model model = everything();
  const Json good = Json::parse(topology(model));
  CHECK(topology(from_topology(good.dump(), "f")) == topology(model));
  const auto refuse = [](const std::string& text, const std::string& part) {
    const std::string said = message([&] { from_topology(text, "f.safetensors"); });
    INFO(text.substr(0, 400) << "\n" << said);
    CHECK(begins(said, "f.safetensors: topology: "));
    CHECK(holds(said, part));
    CHECK(said.size() < 400);
  };
  const auto spoil = [&](const std::string& pointer, const Json& value, const std::string& part) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    refuse(bad.dump(), part);
  };
  refuse("", "not JSON");
  refuse("{\"version\":1", "not JSON");
  refuse("\xff\xfe", "not JSON");
  refuse("[]", "expected a JSON object");
  refuse("{}", "found version none");
  refuse("{\"version\":2}", "found no 'nodes'");
  refuse(std::string(100'000, '['), "deep");
  refuse("{\"version\":2,\"nodes\":" + std::string(100'000, '['), "deep");
  spoil("/version", 3, "found version 3, expected 1 to 2");
  spoil("/version", "1", "found version string");
  spoil("/name", 3, "'name'");
  spoil("/name", std::string(1000, 'n'), "'name'");
  spoil("/nodes", 3, "'nodes'");
  spoil("/nodes/0/type", "Transformer", "found a layer of type 'Transformer', expected one of Add");
  spoil("/nodes/0/type", "\x1b[31m", "'type'");
  spoil("/nodes/0/name", Json(), "'name'");
  spoil("/nodes/0/name", "a..b", "found a part of a name ''");
  spoil("/nodes/0/name", "a/b", "found a part of a name 'a/b'");
  spoil("/nodes/0/name", "bn1", "twice");
  spoil("/nodes/0/inputs", "none", "expected a list");
  spoil("/nodes/0/inputs", Json::array(), "expected a list");
  spoil("/nodes/0/inputs", {-2}, "found an input from node -2");
  spoil("/nodes/0/inputs", {0}, "found an input from node 0");
  spoil("/nodes/0/inputs", {0.5}, "found an input from node 0.5");
  spoil("/nodes/0/inputs", {-1, -1}, "found 2 inputs");
  spoil("/nodes/8/inputs", {5}, "found 1 inputs");
  spoil("/nodes/8/inputs", {5, 3}, "block: found [1, 6, 3, 3] and [1, 4, 6, 6] to add");
  spoil("/nodes/2/inputs", {0}, "bn1: found no layer that takes its output");

  const std::string conv = "/nodes/0/config";
  spoil(conv, Json::array(), "expected an object");
  spoil(conv, Json::object(), "is missing");
  spoil(conv + "/out_channels", "many", "of another kind");
  spoil(conv + "/out_channels", 4.5, "of another kind");
  spoil(conv + "/out_channels", Json::array(), "found out_channels = array");
  spoil(conv + "/out_channels", -1, "found out_channels = -1, expected 1 to 1048576");
  spoil(conv + "/out_channels", std::uint64_t(1) << 63, "below 2^63");
  spoil(conv + "/out_channels", 5, "bn1: found 5 input channels, expected 4");
  spoil(conv + "/in_channels", 4, "conv1: found 3 input channels, expected 4");
  spoil(conv + "/kernel", 0, "found kernel = 0");
  spoil(conv + "/stride", 0, "found stride = 0");
  spoil(conv + "/padding", 1 << 30, "found padding = 1073741824");
  spoil(conv + "/bias", 1, "expected, true or false");
  spoil("/nodes/1/config/eps", 0, "found eps = 0");
  spoil("/nodes/1/config/momentum", 1.5, "found momentum = 1.5");
  spoil("/nodes/3/config/padding", 2, "padding");
  spoil("/nodes/15/config/p", 1, "found p = 1");
  spoil("/nodes/15/config/seed", "x", "of another kind");

  spoil("/input", Json::array({3, 12}), "found no input shape");
  spoil("/input/1", 0, "found input size 0");
  spoil("/input/1", "12", "found input size string");
  spoil("/input/1", 1, "pool: found");
}

TEST_CASE("topology: version 1, a tree, is refused likewise where it is hostile") {
  const Json good = Json::parse(R"({"version":1,"name":"n","input":[4],"root":
    {"type":"Sequential","children":[
      {"name":"fc","type":"Linear","config":{"in_features":4,"out_features":4,"bias":false}},
      {"name":"block","type":"Residual","children":[
        {"name":"","type":"Sequential","children":[{"name":"act","type":"GELU"}]},
        {"name":"shortcut","type":"Sequential","children":[{"name":"0","type":"Identity"}]},
        {"name":"relu","type":"ReLU"}]}]}})");
  const Model model = from_topology(good.dump(), "f");
  std::vector<std::string> names;
  for (const layers::Node& node : model.nodes()) names.push_back(node.name());
  CHECK(names ==
        std::vector<std::string>{"fc", "block.act", "block.shortcut.0", "block", "block.relu"});
  CHECK(model.nodes()[3].inputs == std::vector<Value>{1, 2});
  const auto spoil = [&](const std::string& pointer, const Json& value, const std::string& part) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const std::string said = message([&] { from_topology(bad.dump(), "f"); });
    INFO(said);
    CHECK(begins(said, "f: topology: "));
    CHECK(holds(said, part));
  };
  spoil("/root", Json(), "'type'");
  spoil("/root/type", "Residual", "found no main path");
  spoil("/root/children", "none", "expected a list");
  spoil("/root/children/0/name", Json(), "'name'");
  spoil("/root/children/0/name", "a.b", "child named 'a.b'");
  spoil("/root/children/0/name", "block", "twice");
  spoil("/root/children/0/children", good["root"]["children"], "found layers inside");
  spoil("/root/children/1/children/1/name", "side", "'side'");
  spoil("/root/children/1/children/0/name", "main", "found no main path");
}

TEST_CASE("topology: sizes that only memory could refuse are refused before") {
  const auto network = [](const std::string& input, const std::string& layers) {
    return R"({"version":1,"name":"x","input":)" + input +
           R"(,"root":{"type":"Sequential","children":[)" + layers + "]}}";
  };
  const auto conv = [](int i, long out, long in, int padding) {
    return R"({"name":")" + std::to_string(i) + R"(","type":"Conv2d","config":{"in_channels":)" +
           std::to_string(in) + R"(,"out_channels":)" + std::to_string(out) +
           R"(,"kernel":1,"stride":1,"padding":)" + std::to_string(padding) + R"(,"bias":true}})";
  };
  const auto said = [](const std::string& text) {
    return message([&] { from_topology(text, "f"); });
  };
  CHECK(holds(said(network("[3,16384,16384]", "")), "input: found [3, 16384, 16384] values"));
  CHECK(holds(said(network("[1,4096,4096]", conv(0, 1 << 20, 1, 0))), "0: found [1, 1048576, "));
  std::string growing;  // each layer asks for more than the one before
  for (int i = 0; i < 40; ++i) growing.append(i ? "," : "").append(conv(i, 1, 1, 1024));
  CHECK(holds(said(network("[1,1,1]", growing)), "expected at most 67108864"));

  // Weights of 2^60 values: the topology alone is fine, but no file holds them.
  const TempDir dir;
  const std::string huge =
      R"({"name":"c","type":"Conv2d","config":{"in_channels":1048576,"out_channels":1048576,)"
      R"("kernel":1024,"stride":1,"padding":512,"bias":false}})";
  SafeTensorsWriter file;
  const std::vector<float> one{1};
  file.add("c.weight", {1}, one);
  file.metadata("espalier.topology", network("[1048576,1,1]", huge));
  file.write(dir / "huge");
  const std::string text = message([&] { load(dir / "huge"); });
  CHECK(holds(text, "c.weight"));
  CHECK(holds(text, "1048576"));

  std::string deep = R"({"type":"Sequential"})";
  for (int i = 0; i < 40; ++i)
    deep = R"({"type":"Sequential","name":"a","children":[)" +
           (i ? deep : R"({"name":"a","type":"ReLU"})") + "]}";
  CHECK(holds(said(R"({"version":1,"name":"","input":[1],"root":)" + deep + "}"),
              "layers within each other"));
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
