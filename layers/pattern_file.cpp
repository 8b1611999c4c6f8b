// Sparse patterns in model files: indices in as few bytes as hold them.
#include "layers/pattern_file.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/error.h"

namespace espalier::layers {
namespace {

constexpr std::int64_t kMostNonzero = std::numeric_limits<std::int32_t>::max();

// The smallest type that holds the largest index.
DType index_type(std::int64_t largest) {
  return largest <= 0xff ? DType::U8 : largest <= 0xffff ? DType::U16 : DType::U32;
}

template <class Stored>
std::vector<std::byte> narrowed(std::span<const std::uint32_t> indices) {
  std::vector<std::byte> bytes(indices.size() * sizeof(Stored));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto index = static_cast<Stored>(indices[i]);
    std::memcpy(bytes.data() + i * sizeof index, &index, sizeof index);
  }
  return bytes;
}

template <class Stored>
std::vector<std::uint32_t> widened(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> indices(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    Stored index;  // through memcpy: the file does not align its data
    std::memcpy(&index, bytes.data() + i * sizeof index, sizeof index);
    indices[i] = index;
  }
  return indices;
}

std::vector<std::byte> stored(std::span<const std::uint32_t> indices, DType type) {
  if (type == DType::U8) return narrowed<std::uint8_t>(indices);
  if (type == DType::U16) return narrowed<std::uint16_t>(indices);
  return narrowed<std::uint32_t>(indices);
}

// As many as the file has: nothing is allocated for those that it only promises.
std::vector<std::uint32_t> indices(const SafeTensors& file, const std::string& name, DType type,
                                   std::int64_t count) {
  const auto bytes = file.at(name, type, {count}).bytes;
  if (type == DType::U8) return widened<std::uint8_t>(bytes);
  if (type == DType::U16) return widened<std::uint16_t>(bytes);
  return widened<std::uint32_t>(bytes);
}

}  // namespace

void add_pattern(SafeTensorsWriter& file, const std::string& name, const SparsePattern& pattern,
                 std::list<std::vector<std::byte>>& kept) {
  const auto add = [&](const std::string& part, std::span<const std::uint32_t> list, DType type) {
    kept.push_back(stored(list, type));
    file.add(name + part, type, {static_cast<std::int64_t>(list.size())}, kept.back());
  };
  add(kColumns, pattern.columns(), index_type(pattern.row_size() - 1));
  add(kRowStarts, pattern.row_starts(), index_type(pattern.nonzero()));
}

Pattern read_pattern(const SafeTensors& file, const std::string& name, const Shape& dense) {
  if (!file.contains(name + kColumns) && !file.contains(name + kRowStarts)) return {};
  const auto& sizes = file.at(name).shape;
  check(sizes.size() == 1 && sizes[0] <= kMostNonzero && sizes[0] <= dense.numel(), file.path(),
        ": tensor ", name, ": found shape ", Shape(sizes).str(), ", expected at most ",
        std::min(kMostNonzero, dense.numel()), " values for its columns");
  const std::int64_t nonzero = sizes[0], rows = dense[0], row_size = dense.numel() / rows;
  auto starts = indices(file, name + kRowStarts, index_type(nonzero), rows + 1);
  auto columns = indices(file, name + kColumns, index_type(row_size - 1), nonzero);
  try {
    return std::make_shared<const SparsePattern>(dense, std::move(starts), std::move(columns));
  } catch (const Error& error) {
    fail(file.path(), ": tensor ", name, ": ", error.what());
  }
}

}  // namespace espalier::layers
