// What the tests against PyTorch share: where the fixtures are, and how far values may be from
// them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"

namespace espalier::testing {

inline std::string fixture_path(const std::string& name) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "fixtures" / name;
  if (!std::filesystem::exists(path))
    fail(path.string(), ": found no such file, expected to run in the folder above tests");
  return path.string();
}

// The largest difference in parts of the largest expected value; infinite where a value is not
// finite.
inline double distance(const std::vector<float>& found, const std::vector<float>& expected) {
  REQUIRE(found.size() == expected.size());
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double off = std::abs(static_cast<double>(found[i]) - expected[i]);
    if (!std::isfinite(off)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, off);
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

inline void check_near(const std::vector<float>& found, const std::vector<float>& expected,
                       double tolerance, const std::string& what) {
  INFO(what);
  CHECK(distance(found, expected) <= tolerance);
}

}  // namespace espalier::testing
