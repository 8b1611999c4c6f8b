// safetensors: named tensors in one file, as https://huggingface.co/docs/safetensors describes it.
// Eight bytes hold the length of a JSON header; the header gives every tensor's type, shape and
// place; the data follows, row-major and little-endian, without gaps. Knows nothing of models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// In the order in which the official implementation writes the data: wide elements first, so that
// every tensor in a file is aligned to the size of its elements.
enum class DType { U64, I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, BOOL };

std::string_view dtype_name(DType dtype);  // "F32"
std::size_t dtype_size(DType dtype);       // bytes of an element

// One tensor of a file that was read. The bytes belong to the SafeTensors object and need not be
// aligned for their type: copy them out.
struct StoredTensor {
  DType dtype;
  std::vector<std::int64_t> shape;  // at most 8 sizes, each 0 or more; empty for a single value
  std::span<const std::byte> bytes;
};

// A whole file in memory. Reading accepts well-formed files only: whatever the bytes are, the
// outcome is either a file whose every view is in range or an Error that names file and tensor.
class SafeTensors {
 public:
  static SafeTensors read(const std::string& path);
  // The same from bytes at hand; the path serves the messages.
  SafeTensors(std::string path, std::vector<std::byte> bytes);

  SafeTensors(SafeTensors&&) = default;  // the views stay valid: the bytes do not move
  SafeTensors& operator=(SafeTensors&&) = default;

  const std::string& path() const { return path_; }
  // Free text under "__metadata__".
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  bool contains(const std::string& name) const { return tensors_.count(name) > 0; }
  // An Error when there is no such tensor; the second also when its type or shape is another.
  const StoredTensor& at(const std::string& name) const;
  const StoredTensor& at(const std::string& name, DType dtype,
                         const std::vector<std::int64_t>& shape) const;
  // Values as float32: exact from F32, F16 and BF16, rounded to nearest from F64. An Error when
  // the tensor is missing, of another type, or of another shape than expected.
  std::vector<float> floats(const std::string& name,
                            const std::vector<std::int64_t>& expected_shape) const;
  // Other names for the tensors. An Error where two would have the same one.
  void rename(const std::function<std::string(const std::string& name)>& other);

 private:
  std::string path_;
  std::vector<std::byte> bytes_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, StoredTensor> tensors_;  // views into bytes_
};

// Collects tensors, then writes them in one go. The same content gives the same bytes, in whatever
// order it was added; they are those of the official implementation (where it is deterministic).
class SafeTensorsWriter {
 public:
  void metadata(const std::string& key, std::string value);  // the last value of a key counts
  // The data is not copied: it has to stay in place until write(). An Error when the name is taken
  // or reserved, or the data is not as long as type and shape say.
  void add(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
           std::span<const std::byte> bytes);
  void add(const std::string& name, std::vector<std::int64_t> shape, std::span<const float> values);

  // Replaces the file in a single step (core/file.h).
  void write(const std::string& path) const;

 private:
  std::map<std::string, std::string> metadata_;
  std::map<std::string, StoredTensor> tensors_;  // views into the caller's memory
};

}  // namespace espalier
