// What the tests of safetensors share: files put together by hand, and what reading says of them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/tempdir.h"

namespace espalier::testing {

inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

inline std::string prefix(std::uint64_t length) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text;
}

// A file with this header and so many bytes of data.
inline std::string file_of(const std::string& header, std::size_t data = 0) {
  return prefix(header.size()) + header + std::string(data, 'd');
}

inline SafeTensors parse(const std::string& file) { return SafeTensors("f", bytes_of(file)); }

// The message of the Error that the action throws; "" when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline std::string error_in(const std::string& file) {
  return error_of([&] { parse(file); });
}

// What reading says of a file whose only tensor, "a", has this entry.
inline std::string error_in_entry(const std::string& entry, std::size_t data = 8) {
  return error_in(file_of("{\"a\":" + entry + "}", data));
}

inline std::string entry(const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

inline std::string written_by(const SafeTensorsWriter& writer) {
  TempDir folder;
  writer.write(folder / "file");
  const std::vector<std::byte> bytes = read_file(folder / "file");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace espalier::testing
