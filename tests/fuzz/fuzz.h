// Fuzz targets: each gives one of the program's readers bytes that may be anything. A reader
// answers with what it has read or with an Error. A crash, an over-read, any other exception, a
// hang, or memory that the bytes do not justify is a fault.
//
// `make fuzz` links each target with libFuzzer. The tests hold all targets, and replay the inputs
// in tests/fuzz/corpus (tests/test_fuzz.cpp).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace espalier::fuzz {

using Input = std::span<const std::byte>;

struct Target {
  const char* name;  // that of its file
  void (*run)(Input);
};
std::vector<Target>& targets();  // those that this program holds

// const Registered target("topology", [](Input input) { ... });
struct Registered {
  Registered(const char* name, void (*run)(Input)) { targets().push_back({name, run}); }
};

inline std::string_view text_of(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// The pieces between the marks; there is one more of them than marks.
std::vector<std::string_view> split(std::string_view text, char mark);

// Whether the reader had an answer other than an Error.
template <class Reader>
bool reads(const Reader& reader) {
  try {
    reader();
    return true;
  } catch (const Error&) {
    return false;
  }
}

// For what has to hold of everything that was read: ends the program where it does not.
void expect(bool holds, const char* what);

}  // namespace espalier::fuzz
