// safetensors: element types, and words for messages.
#include "core/safetensors_format.h"

#include <iterator>

namespace espalier {
namespace {

// One row a DType, in its order.
struct DTypeRow {
  std::string_view name;
  std::size_t size;
};
constexpr DTypeRow kDTypes[] = {{"U64", 8}, {"I64", 8},  {"F64", 8}, {"F32", 4}, {"U32", 4},
                                {"I32", 4}, {"BF16", 2}, {"F16", 2}, {"U16", 2}, {"I16", 2},
                                {"I8", 1},  {"U8", 1},   {"BOOL", 1}};

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<int>(dtype)].name; }
std::size_t dtype_size(DType dtype) { return kDTypes[static_cast<int>(dtype)].size; }

namespace safetensors {

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kDTypes); ++i)
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

std::string quote(const std::string& name) {
  constexpr std::size_t kLongest = 100;
  std::string text = name;
  if (text.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not within a UTF-8 sequence
    text = text.substr(0, end) + "...";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return '"' + text + '"';
}

std::string text_of(const Sizes& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::optional<std::uint64_t> byte_size(DType dtype, const Sizes& shape) {
  std::uint64_t bytes = dtype_size(dtype);
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes))
      return std::nullopt;
  return bytes;
}

}  // namespace safetensors
}  // namespace espalier
