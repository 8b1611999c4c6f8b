// FileKind: a table of signatures, and a closer look at containers.
#include "core/file_kind.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <string_view>

namespace espalier {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kHead = 65536;  // bytes that are looked at

constexpr const char* kSaveWeights =
    "this version reads safetensors only: save the weights as safetensors, under the names and in "
    "the shapes of PyTorch";
constexpr const char* kUnpack = "unpack it first";
constexpr const char* kDownload = "a download may have failed";

// The Python lines that make a model file of what torch.save() wrote.
std::string torch_advice(const std::string& path) {
  std::ostringstream text;
  text << "save its state_dict in Python: `import torch, safetensors.torch` and "
          "`safetensors.torch.save_file(torch.load("
       << std::quoted(path) << R"(, map_location="cpu"), "model.safetensors")`)";
  return text.str();
}

struct Signature {
  std::size_t at;
  std::string_view bytes;
  const char* what;
  const char* instead = "";
};

const Signature kSignatures[] = {
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (.h5), as Keras writes it", kSaveWeights},
    {0, "\x93NUMPY"sv, "a NumPy array (.npy)", kSaveWeights},
    {4, "TFL3"sv, "a TensorFlow Lite model (.tflite)", kSaveWeights},
    {0, "GGUF"sv, "a GGUF model", kSaveWeights},
    {0, "\x1f\x8b"sv, "a gzip file", kUnpack},
    {0, "BZh"sv, "a bzip2 file", kUnpack},
    {0, "\3757zXZ\0"sv, "an xz file", kUnpack},
    {0, "\x28\xb5\x2f\xfd"sv, "a Zstandard file", kUnpack},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive", kUnpack},
    {257, "ustar"sv, "a tar archive", kUnpack},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG image"},
    {0, "\xff\xd8\xff"sv, "a JPEG image"},
    {0, "GIF8"sv, "a GIF image"},
    {8, "WEBP"sv, "a WebP image"},
    {4, "ftyp"sv, "an HEIF or AVIF image or a video"},
    {0, "II*\0"sv, "a TIFF image"},
    {0, "MM\0*"sv, "a TIFF image"},
    {0, "%PDF"sv, "a PDF file"},
    {0, "\177ELF"sv, "a program"},
    {0, "\0\0\x08\x03"sv, "images of MNIST (idx)"},
    {0, "\0\0\x08\x01"sv, "labels of MNIST (idx)"},
    {0, "version https://git-lfs.github.com/"sv, "a pointer of Git LFS in place of the file",
     "`git lfs pull` fetches the file itself"},
    {0, "{\"event\":"sv, "a log", "the model is in the file beside it"},
    {0, "{"sv, "JSON text"},
    {0, "["sv, "JSON text"},
    {0, "<!DOCTYPE"sv, "an HTML page", kDownload},
    {0, "<!doctype"sv, "an HTML page", kDownload},
    {0, "<html"sv, "an HTML page", kDownload},
    {0, "<?xml"sv, "XML text"},
    {0, "<svg"sv, "XML text"},
};

bool holds(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// The length that safetensors begin with, and the header behind it.
bool is_safetensors(std::string_view head) {
  std::uint64_t length = 0;
  if (head.size() < 10 || head[8] != '{') return false;
  std::memcpy(&length, head.data(), 8);
  return length >= 2 && length <= 100'000'000;
}

// By the first name in it: what torch.save() writes is a zip file with pickled data.
FileKind zip_kind(std::string_view head, const std::string& path) {
  if (holds(head, "data.pkl")) return {"a PyTorch file (.pt, .pth)", torch_advice(path)};
  if (holds(head, ".npy")) return {"NumPy arrays (.npz)", kSaveWeights};
  if (holds(head, "config.json") && holds(head, "metadata.json"))
    return {"a Keras model (.keras)", kSaveWeights};
  return {"a zip archive", kUnpack};
}

// Protocol buffers have no signature. An ONNX model begins with its version and the name of the
// program that wrote it, a SavedModel of TensorFlow with its version and a graph.
FileKind protobuf_kind(std::string_view head) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
  if (head.size() < 6) return {};
  const bool versioned = byte(0) == 0x08 && byte(1) >= 1 && byte(1) <= 32;
  if (versioned && byte(2) == 0x12) {
    const std::string_view name = head.substr(4, byte(3));
    bool letters = name.size() >= 2;
    for (const unsigned char c : name) letters = letters && std::isprint(c);
    return letters ? FileKind{"an ONNX model",
                              "no ONNX model is read by this version: save the "
                              "weights of the network that it was exported from "
                              "as safetensors"}
                   : FileKind{"a TensorFlow SavedModel (.pb)", kSaveWeights};
  }
  if (versioned && (byte(2) == 0x3a || byte(2) == 0x42)) return {"an ONNX model", kSaveWeights};
  // A graph: nodes, each with its name first.
  if (byte(0) == 0x0a && byte(2) == 0x0a && byte(3) < byte(1))
    return {"a TensorFlow graph (.pb)", kSaveWeights};
  return {};
}

bool is_text(std::string_view head) {
  const std::string_view first = head.substr(0, 64);
  return first.size() >= 8 && std::all_of(first.begin(), first.end(), [](unsigned char c) {
           return std::isprint(c) || std::isspace(c);
         });
}

}  // namespace

FileKind kind_of(std::span<const std::byte> bytes, const std::string& path) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kHead));
  if (is_safetensors(head)) return {"a model file (safetensors)", "", true};
  if (head.starts_with("PK\x03\x04")) return zip_kind(head, path);
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5)
    return {"a Python pickle, such as torch.save() writes", torch_advice(path)};
  for (const Signature& s : kSignatures)
    if (head.size() >= s.at + s.bytes.size() && head.substr(s.at).starts_with(s.bytes))
      return {s.what, s.instead};
  return is_text(head) ? FileKind{"text", ""} : protobuf_kind(head);
}

FileKind kind_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(kHead, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return kind_of(std::as_bytes(std::span(head)), path);
}

}  // namespace espalier
