// Fuzz targets: the list of them, and the entry that libFuzzer calls.
#include "tests/fuzz/fuzz.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace espalier::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark)) {
    pieces.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  pieces.push_back(text);
  return pieces;
}

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s does not hold\n", what);
  std::abort();
}

}  // namespace espalier::fuzz

// A program with libFuzzer holds one target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  for (const espalier::fuzz::Target& target : espalier::fuzz::targets())
    target.run(std::as_bytes(std::span(bytes, count)));
  return 0;
}
