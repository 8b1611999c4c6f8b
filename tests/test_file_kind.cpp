// File kinds: a file of another format is refused by its name, with what to do instead.
#include <doctest/doctest.h>

#include "core/file_kind.h"
#include "datasets/datasets.h"
#include "layers/layers.h"
#include "tests/safetensors_file.h"

namespace espalier::testing {
namespace {

using namespace std::string_literals;

// The beginning of a zip archive whose first file has this name.
std::string zip(const std::string& name) {
  std::string text = "PK\x03\x04"s + std::string(22, '\0');
  text += static_cast<char>(name.size());
  return text + std::string(3, '\0') + name + "..";
}

struct Case {
  std::string bytes, what, instead;
};

std::vector<Case> cases() {
  const std::string lines =
      "save its state_dict in Python: `import torch, safetensors.torch` and "
      "`safetensors.torch.save_file(torch.load(\"f\", map_location=\"cpu\"), "
      "\"model.safetensors\")`";
  const std::string only = "this version reads safetensors only", unpack = "unpack it first";
  return {
      {zip("archive/data.pkl"), "a PyTorch file (.pt, .pth)", lines},
      {"\x80\x02\x8a\nl\xfc\x9c"s, "a Python pickle, such as torch.save() writes", lines},
      {zip("weights.npy"), "NumPy arrays (.npz)", only},
      {zip("letter.txt"), "a zip archive", unpack},
      {"\x93NUMPY\x01\0v\0"s, "a NumPy array (.npy)", only},
      {"\x89HDF\r\n\x1a\n\0\0"s, "an HDF5 file (.h5), as Keras writes it", only},
      {"\x1c\0\0\0TFL3\x14\0"s, "a TensorFlow Lite model (.tflite)", only},
      {"GGUF\x03\0\0\0"s, "a GGUF model", only},
      {"\x08\x07\x12\x07pytorch\x1a"s, "an ONNX model", "the weights of the network"},
      {"\x08\x01\x12\xd0\x3a\x0a\xcb\x3a"s, "a TensorFlow SavedModel (.pb)", only},
      {"\x0a\x2d\x0a\x05input\x12\x0b"s, "a TensorFlow graph (.pb)", only},
      {"\x1f\x8b\x08\0\0"s, "a gzip file", unpack},
      {std::string(257, 'x') + "ustar", "a tar archive", unpack},
      {"\x89PNG\r\n\x1a\n\0\0"s, "a PNG image", ""},
      {"\xff\xd8\xff\xe0\0\x10JFIF"s, "a JPEG image", ""},
      {"{\"event\":\"train\"}\n", "a log", "the model is in the file beside it"},
      {"{\"layers\": []}\n", "JSON text", ""},
      {"<!DOCTYPE html><html>", "an HTML page", "a download may have failed"},
      {"a recipe for cake\n", "text", ""},
      {"(dp0\nS'weight'\np1\n", "text", ""},
      {"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"},
  };
}

}  // namespace

TEST_CASE("file kinds: a model of another format is named, with what to do instead") {
  for (const Case& c : cases()) {
    CAPTURE(c.what);
    const std::string said = error_in(c.bytes);
    CAPTURE(said);
    CHECK(said.starts_with("f: found " + c.what));
    CHECK(contains(said, ", expected a model file (safetensors)"));
    CHECK(contains(said, c.instead));
    CHECK(said.ends_with(")") == c.instead.empty());
    CHECK(said.find('\n') == said.npos);
    // However little of it is there, nothing is read beyond its end.
    for (std::size_t length = 0; length < std::min<std::size_t>(c.bytes.size(), 40); ++length)
      CHECK(!error_in(c.bytes.substr(0, length)).empty());
  }
}

TEST_CASE("file kinds: a model file is one, whatever its header's length looks like") {
  // 640 bytes are 80 02, as a pickle begins; 35615 are 1f 8b.
  for (const std::size_t length : {640, 35615, 0x4b50, 0x0801}) {
    CAPTURE(length);
    const std::string text = "{" + std::string(length - 2, ' ') + "}";
    CHECK(error_in(file_of(text)) == "");
    const std::string cut = prefix(length) + text.substr(0, 100);
    CHECK(contains(error_in(cut), "found a header length of " + std::to_string(length)));
  }
}

TEST_CASE("file kinds: a file of another kind is named where data or an image is expected") {
  const TempDir folder;
  const std::string model = folder / "m.safetensors", packed = folder / "data.tar.gz";
  layers::save(layers::LeNet300(), model);
  write_file(packed, "\x1f\x8b\x08\0\0\0"s);
  CHECK(error_of([&] { datasets::open(model); }) ==
        model + ": found a model file (safetensors), expected a folder with data");
  CHECK(error_of([&] { datasets::open(packed); }) ==
        packed + ": found a gzip file, expected a folder with data");
  CHECK(error_of([&] {
          datasets::read_picture(model, 3, 8, 8);
        }).starts_with(model + ": found a model file (safetensors), expected JPEG, PNG"));
  CHECK(error_of([&] { layers::load(folder.path().string()); }) ==
        folder.path().string() + ": found a folder, expected a file");
}

}  // namespace espalier::testing
