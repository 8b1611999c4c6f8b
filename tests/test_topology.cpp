// Topology: what a file says of a network's layers, hostile or of version 1.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "tests/model_files.h"
#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;
using Json = nlohmann::ordered_json;

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
  const Json empty = {{"name", ""}, {"type", "Sequential"}};
  Json sums = Json::array();  // without a layer in them
  for (int i = 0; i <= 8192; ++i)
    sums.push_back({{"name", std::to_string(i)}, {"type", "Residual"}, {"children", {empty}}});
  spoil("/root/children", sums, "found more than 8192 layers");
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
