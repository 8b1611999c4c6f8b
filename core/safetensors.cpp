// safetensors: element types; reading a file, with the checks on where the data lies; writing one.
#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/file_kind.h"
#include "core/safetensors_format.h"
#include "core/text.h"

namespace espalier {
namespace {

using namespace safetensors;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "data is copied as the file has it");

// One row a DType, in its order.
struct DTypeRow {
  std::string_view name;
  std::size_t size;
};
constexpr DTypeRow kDTypes[] = {{"U64", 8}, {"I64", 8},  {"F64", 8}, {"F32", 4}, {"U32", 4},
                                {"I32", 4}, {"BF16", 2}, {"F16", 2}, {"U16", 2}, {"I16", 2},
                                {"I8", 1},  {"U8", 1},   {"BOOL", 1}};

// The JSON text after the length in front, both checked against the file's size.
std::string_view header_of(const std::string& path, std::span<const std::byte> file) {
  const FileKind kind = kind_of(file, path);
  check(kind.safetensors || kind.what.empty(), path, ": found ", kind.what,
        ", expected a model file (safetensors)", kind.instead.empty() ? "" : "; " + kind.instead);
  check(file.size() >= kPrefix, path, ": found ", file.size(),
        " bytes, expected at least the 8 of the header's length");
  std::uint64_t length;
  std::memcpy(&length, file.data(), kPrefix);
  check(length <= kMaxHeader, path, ": found a header length of ", length, ", expected at most ",
        kMaxHeader, " in a model file (safetensors)");
  const std::size_t rest = file.size() - kPrefix;
  check(length <= rest, path, ": found a header length of ", length, ", expected at most the ",
        rest, " bytes that follow");
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + kPrefix, length);
  check(header.starts_with('{'), path,
        ": found a header that does not start with {, expected an object");
  // The JSON parser takes a NUL for the end of its input, and would not look at what follows.
  const std::size_t nul = header.find('\0');
  check(nul == header.npos, path, ": found a NUL at byte ", nul + 1,
        " of the header, expected an object");
  return header;
}

// Each tensor's range: within the data, and as long as type and shape ask for.
void check_range(const std::string& where, const Entry& entry, std::uint64_t data_size) {
  const std::int64_t begin = entry.offsets[0], end = entry.offsets[1];
  const std::string found = ": found data_offsets " + text_of(entry.offsets);
  if (begin > end) fail(where, found, ", expected the start not to be after the end");
  if (static_cast<std::uint64_t>(end) > data_size)
    fail(where, found, ", expected them within the file's ", data_size, " bytes of data");
  const std::optional<std::uint64_t> size = byte_size(entry.dtype, entry.shape);
  if (!size) fail(where, ": found shape ", text_of(entry.shape), ", expected below 2^64 bytes");
  if (static_cast<std::uint64_t>(end - begin) != *size)
    fail(where, found, ", expected ", *size, " bytes for ", dtype_name(entry.dtype), " ",
         text_of(entry.shape));
}

// Every byte of the data belongs to exactly one tensor. Puts them into the order of their data.
void check_places(const std::string& path, std::vector<Entry>& entries, std::uint64_t data_size) {
  for (const Entry& entry : entries)
    check_range(path + ": tensor " + quote(entry.name), entry, data_size);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  std::int64_t covered = 0;
  for (const Entry& entry : entries) {
    const std::int64_t begin = entry.offsets[0];
    if (begin != covered)
      fail(path, ": tensor ", quote(entry.name), ": found its data at byte ", begin, ", expected ",
           covered, " where the data before it ends");
    covered = entry.offsets[1];
  }
  if (static_cast<std::uint64_t>(covered) != data_size)
    fail(path, ": found ", data_size, " bytes of data, expected ", covered, " as the header says");
}

// IEEE 754 half precision: 1 sign, 5 exponent (bias 15) and 10 fraction bits.
float from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, fraction = half & 0x3ffu;
  std::uint32_t exponent = (half >> 10) & 0x1f;
  if (exponent == 0) {  // zero, or subnormal: a multiple of 2^-24, which float32 holds as normal
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;  // 0x1f: infinity and NaN
  return std::bit_cast<float>(sign | exponent << 23 | fraction << 13);
}

// The upper half of a float32.
float from_bfloat(std::uint16_t upper) { return std::bit_cast<float>(std::uint32_t{upper} << 16); }

template <class Stored>
std::vector<float> converted(std::span<const std::byte> bytes, float (*convert)(Stored)) {
  std::vector<float> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;  // through memcpy: the file does not align its data
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

// Other text would make a file that nobody can read.
void check_utf8(const std::string& where, const std::string& text) {
  try {
    json(text).dump();
  } catch (const json::exception&) {
    fail(where, ": found bytes that are not UTF-8, expected UTF-8 text");
  }
}

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
    if (is_control(static_cast<unsigned char>(c))) c = '?';
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

SafeTensors SafeTensors::read(const std::string& path) { return {path, read_file(path)}; }

SafeTensors::SafeTensors(std::string path, std::vector<std::byte> bytes)
    : path_(std::move(path)), bytes_(std::move(bytes)) {
  const std::string_view header = header_of(path_, bytes_);
  std::vector<Entry> entries = parse_header(path_, header, metadata_);
  const std::span<const std::byte> data = std::span(bytes_).subspan(kPrefix + header.size());
  check_places(path_, entries, data.size());
  for (Entry& entry : entries) {
    const auto begin = static_cast<std::size_t>(entry.offsets[0]);
    const auto end = static_cast<std::size_t>(entry.offsets[1]);
    tensors_.emplace(std::move(entry.name), StoredTensor{entry.dtype, std::move(entry.shape),
                                                         data.subspan(begin, end - begin)});
  }
}

const StoredTensor& SafeTensors::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    fail(path_, ": found no tensor ", quote(name), " among its ", tensors_.size());
  return found->second;
}

const StoredTensor& SafeTensors::at(const std::string& name, DType dtype,
                                    const Sizes& shape) const {
  const StoredTensor& tensor = at(name);
  if (tensor.dtype != dtype)
    fail(path_, ": tensor ", quote(name), ": found ", dtype_name(tensor.dtype), ", expected ",
         dtype_name(dtype));
  if (tensor.shape != shape)
    fail(path_, ": tensor ", quote(name), ": found shape ", text_of(tensor.shape), ", expected ",
         text_of(shape));
  return tensor;
}

std::vector<float> SafeTensors::floats(const std::string& name, const Sizes& expected_shape) const {
  const StoredTensor& stored = at(name, at(name).dtype, expected_shape);
  switch (stored.dtype) {
    case DType::F32:
      return converted<float>(stored.bytes, [](float value) { return value; });
    case DType::F16:
      return converted<std::uint16_t>(stored.bytes, from_half);
    case DType::BF16:
      return converted<std::uint16_t>(stored.bytes, from_bfloat);
    case DType::F64:
      return converted<double>(stored.bytes,
                               [](double value) { return static_cast<float>(value); });
    default:
      fail(path_, ": tensor ", quote(name), ": found ", dtype_name(stored.dtype),
           ", expected F32, F16, BF16 or F64");
  }
}

void SafeTensors::rename(const std::function<std::string(const std::string&)>& other) {
  std::map<std::string, StoredTensor> renamed;
  for (const auto& [name, tensor] : tensors_)
    if (!renamed.emplace(other(name), tensor).second)
      fail(path_, ": tensor ", quote(name), ": found another one named ", quote(other(name)),
           ", expected one of these names");
  tensors_ = std::move(renamed);
}

void SafeTensorsWriter::metadata(const std::string& key, std::string value) {
  check_utf8("metadata " + quote(key), key);
  check_utf8("metadata " + quote(key), value);
  metadata_[key] = std::move(value);
}

void SafeTensorsWriter::add(const std::string& name, DType dtype, Sizes shape,
                            std::span<const std::byte> bytes) {
  const std::string where = "tensor " + quote(name);
  check_utf8(where, name);
  if (name == kMetadata) fail(where, ": found the reserved name, expected another");
  if (shape.size() > kMaxRank)
    fail(where, ": found ", shape.size(), " dimensions, expected at most ", kMaxRank);
  for (const std::int64_t size : shape)
    if (size < 0) fail(where, ": found shape ", text_of(shape), ", expected sizes of 0 or more");
  if (bytes.size() != byte_size(dtype, shape))
    fail(where, ": found ", bytes.size(), " bytes, expected those of ", dtype_name(dtype), " ",
         text_of(shape));
  if (!tensors_.emplace(name, StoredTensor{dtype, std::move(shape), bytes}).second)
    fail(where, ": found the name twice, expected once");
}

void SafeTensorsWriter::add(const std::string& name, Sizes shape, std::span<const float> values) {
  add(name, DType::F32, std::move(shape), std::as_bytes(values));
}

void SafeTensorsWriter::write(const std::string& path) const {
  std::vector<const std::pair<const std::string, StoredTensor>*> order;  // by type, then by name
  for (const auto& entry : tensors_) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](auto* a, auto* b) { return a->second.dtype < b->second.dtype; });

  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
  if (!metadata_.empty()) fields[kMetadata] = metadata_;
  std::size_t begin = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    const std::size_t end = begin + tensor.bytes.size();
    fields[name] = {{"dtype", dtype_name(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string header = fields.dump();
  header.append((kPrefix - header.size() % kPrefix) % kPrefix, ' ');  // the data starts aligned
  check(header.size() <= kMaxHeader, path, ": found a header of ", header.size(),
        " bytes, expected at most ", kMaxHeader);

  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, kPrefix);
  file.write(header.data(), header.size());
  for (const auto* entry : order)
    file.write(entry->second.bytes.data(), entry->second.bytes.size());
  file.commit();
}

}  // namespace espalier
