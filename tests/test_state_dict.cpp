// State_dicts: names as PyTorch's wrappers and torchvision write them, and what else is in the way.
#include <doctest/doctest.h>

#include <functional>
#include <list>

#include "layers/layers.h"
#include "tests/safetensors_file.h"

namespace espalier::testing {
namespace {

using namespace layers;
using Rename = std::function<std::string(const std::string&)>;

// A file with a model's tensors under other names.
class StateDict {
 public:
  StateDict(const Model& model, const Rename& rename) {
    for (const Parameter& p : model.parameters()) add(rename(p.name()), p);
    for (const auto& [name, tensor] : model.buffers()) add(rename(name), tensor);
  }
  void add(const std::string& name, const Tensor& tensor) {
    values_.push_back(tensor.to_vector());
    file_.add(name, tensor.shape().sizes(), values_.back());
  }
  void add_bytes(const std::string& name, DType type, std::size_t bytes) {
    bytes_.emplace_back(bytes);
    file_.add(name, type, {}, bytes_.back());
  }
  std::string error_with(const Model& model) const {
    const TempDir folder;
    file_.write(folder / "f");
    const std::string said = error_of([&] { load_weights(model, folder / "f"); });
    return said.empty() ? said : said.substr((folder / "f").size());
  }

 private:
  SafeTensorsWriter file_;
  std::list<std::vector<float>> values_;
  std::list<std::vector<std::byte>> bytes_;
};

std::string replaced(std::string name, const std::string& part, const std::string& other) {
  if (const std::size_t at = name.find(part); at != name.npos) name.replace(at, part.size(), other);
  return name;
}

const Model& from() {
  static const Model model = ResNet20(10, 1);
  return model;
}

}  // namespace

TEST_CASE("state_dict: prefixes of wrappers and torchvision's names are understood") {
  const std::pair<const char*, Rename> forms[] = {
      {"plain", [](const std::string& name) { return name; }},
      {"DataParallel", [](const std::string& name) { return "module." + name; }},
      {"torch.compile", [](const std::string& name) { return "_orig_mod." + name; }},
      {"both", [](const std::string& name) { return "module._orig_mod." + name; }},
      {"torchvision",
       [](const std::string& name) { return replaced(name, "shortcut", "downsample"); }},
      {"all", [](const std::string& name) {
         return "module." + replaced(name, "shortcut", "downsample");
       }}};
  for (const auto& [form, rename] : forms) {
    CAPTURE(form);
    const Model to = ResNet20(10, 2);
    StateDict dict(from(), rename);
    // One's own count is taken, and of another type it does not matter.
    dict.add_bytes(rename("bn1.num_batches_tracked"), DType::F16, 2);
    CHECK(dict.error_with(to) == "");
    for (const Parameter& p : from().parameters())
      CHECK(to.parameter(p.name()).to_vector() == p.to_vector());
  }
}

TEST_CASE("state_dict: the first missing and the first unexpected name are told") {
  const auto error = [](const Rename& rename) {
    return StateDict(from(), rename).error_with(ResNet20(10, 2));
  };
  CHECK(error([](const std::string& name) { return replaced(name, "fc.", "linear."); }) ==
        ": found no tensor \"fc.weight\" and 1 more among its 107, but \"linear.bias\" and 1 more "
        "that the model has not, expected the tensors of resnet20");
  StateDict more(from(), [](const std::string& name) { return name; });
  more.add("head.weight", from().parameters()[0]);
  CHECK(more.error_with(ResNet20(10, 2)) ==
        ": found a tensor \"head.weight\", expected none of that name for resnet20");
  // A prefix that not all have is none.
  CHECK(contains(error([](const std::string& name) {
                   return name.starts_with("fc") ? name : "module." + name;
                 }),
                 "found no tensor \"conv1.weight\" and"));
  // Two that would be one.
  StateDict twice(from(), [](const std::string& name) { return name; });
  twice.add("layer2.0.downsample.0.weight", from().parameters()[0]);
  CHECK(contains(twice.error_with(ResNet20(10, 2)),
                 "found another one named \"layer2.0.shortcut.0.weight\""));
}

TEST_CASE("state_dict: a tensor of a type that holds no weights is named") {
  const Model model(Sequential{{"fc", Linear(1, 1, {.bias = false})}}, {1});
  const TempDir folder;
  SafeTensorsWriter file;
  const std::vector<std::byte> byte(1);
  file.add("fc.weight", DType::I8, {1, 1}, byte);
  file.write(folder / "f");
  CHECK(error_of([&] { load_weights(model, folder / "f"); }) ==
        (folder / "f") + ": tensor \"fc.weight\": found I8, expected F32, F16, BF16 or F64");
}

}  // namespace espalier::testing
