// What reading and writing of safetensors share: the format's numbers, and words for messages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace espalier::safetensors {

using Sizes = std::vector<std::int64_t>;

inline constexpr std::size_t kPrefix = 8;                 // bytes that hold the header's length
inline constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes, the official limit
inline constexpr std::size_t kMaxRank = 8;
inline constexpr const char* kMetadata = "__metadata__";

std::optional<DType> dtype_named(std::string_view name);

// A name from a file, fit for a message of one line: without control characters, and not endless.
std::string quote(const std::string& name);
std::string text_of(const Sizes& shape);

// Bytes that a tensor takes; nothing where 64 bits cannot hold the number. No size is negative.
std::optional<std::uint64_t> byte_size(DType dtype, const Sizes& shape);

// What the header says of one tensor.
struct Entry {
  std::string name;
  DType dtype;
  Sizes shape;
  Sizes offsets;  // two: first byte and one past the last, from the data's start
};

// The tensors of a file's header, in its order, and what is under "__metadata__". The header is the
// JSON text alone; an Error that begins with the path where it breaks the grammar.
std::vector<Entry> parse_header(const std::string& path, std::string_view header,
                                std::map<std::string, std::string>& metadata);

}  // namespace espalier::safetensors
