// Input of the targets that read safetensors files. What begins with '{' is the header up to the
// first NUL, with the data behind that: the length in front is put there, so that a change of the
// header needs no second change to go with it. Anything else is the file as it is.
#pragma once

#include <cstring>

#include "core/safetensors.h"
#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {

inline SafeTensors safetensors_of(Input input) {
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (!input.empty() && input[0] == std::byte{'{'}) {
    const std::size_t nul = text_of(input).find('\0');
    const std::uint64_t length = nul == std::string_view::npos ? input.size() : nul;
    if (length < input.size()) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(length));
    std::byte prefix[sizeof length];
    std::memcpy(prefix, &length, sizeof length);
    bytes.insert(bytes.begin(), std::begin(prefix), std::end(prefix));
  }
  return SafeTensors("input", std::move(bytes));
}

}  // namespace espalier::fuzz
