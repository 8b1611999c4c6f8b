// safetensors: writing a file.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors_format.h"

namespace espalier {
namespace {

using namespace safetensors;
using nlohmann::json;

// Other text would make a file that nobody can read.
void check_utf8(const std::string& where, const std::string& text) {
  try {
    json(text).dump();
  } catch (const json::exception&) {
    fail(where, ": found bytes that are not UTF-8, expected UTF-8 text");
  }
}

}  // namespace

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
