// What the tests of datasets share: small sets of random pictures, files of bytes, messages.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/rng.h"
#include "datasets/dataset.h"
#include "tests/tempdir.h"
#include "tests/unprivileged.h"

namespace espalier::testing {

// Random pictures; the labels take turns, and the classes are "class 0", "class 1", ...
inline datasets::Dataset random_set(std::int64_t count, int channels, int height, int width,
                                    int classes = 10, std::uint64_t seed = 1) {
  datasets::Dataset set;
  set.channels = channels, set.height = height, set.width = width;
  Rng rng(seed);
  set.images.resize(static_cast<std::size_t>(count * set.picture_size()));
  for (auto& byte : set.images) byte = static_cast<std::uint8_t>(rng.below(256));
  for (std::int64_t i = 0; i < count; ++i)
    set.labels.push_back(static_cast<std::int32_t>(i % classes));
  for (int c = 0; c < classes; ++c) set.classes.push_back("class " + std::to_string(c));
  return set;
}

// Without waiting for the disk, as write_file() does.
inline void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  REQUIRE(file.good());
}

inline std::vector<std::uint8_t> file_bytes(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {first, first + bytes.size()};
}

// The message of the Error that the action throws; "" when it throws none.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline bool equal(const datasets::Dataset& a, const datasets::Dataset& b) {
  return a.channels == b.channels && a.height == b.height && a.width == b.width &&
         a.images == b.images && a.labels == b.labels && a.classes == b.classes;
}

}  // namespace espalier::testing
