// safetensors: shapes and places that cannot be, and files damaged at random.
#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

#include "core/rng.h"
#include "tests/safetensors_file.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("safetensors: impossible shapes") {
  for (const auto& [size, found] : std::vector<std::pair<std::string, std::string>>{
           {"-2", "-2"},
           {"2.0", "\"2.0\""},
           {"2e0", "\"2e0\""},
           {"\"2\"", "\"2\""},
           {"null", "null"},
           {"true", "true"},
           {"9223372036854775808", "9223372036854775808"},
           {"18446744073709551616", "\"18446744073709551616\""}}) {
    CHECK(error_in_entry(entry("F32", "[" + size + "]", "[0,8]")) ==
          "f: tensor \"a\": \"shape\": found " + found + ", expected a whole number below 2^63");
  }
  CHECK(error_in_entry(entry("F32", "2", "[0,8]")) ==
        "f: tensor \"a\": \"shape\": found 2, expected an array of whole numbers");
  CHECK(error_in_entry(entry("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]")) ==
        "f: tensor \"a\": \"shape\": found more than 8 numbers, expected at most 8");
  // 2^32 * 2^32 = 0 modulo 2^64, which an unchecked product would take for an empty tensor; and
  // 4 bytes * 2^62 the same.
  CHECK(error_in_entry(entry("U8", "[4294967296,4294967296]", "[0,0]"), 0) ==
        "f: tensor \"a\": found shape [4294967296, 4294967296], expected below 2^64 bytes");
  CHECK(error_in_entry(entry("F32", "[4611686018427387904]", "[0,0]"), 0) ==
        "f: tensor \"a\": found shape [4611686018427387904], expected below 2^64 bytes");
}

TEST_CASE("safetensors: data_offsets out of range, reversed, of the wrong size") {
  const auto error = [](const std::string& shape, const std::string& offsets) {
    return error_in_entry(entry("F32", shape, offsets));
  };
  const std::string found = "f: tensor \"a\": found data_offsets ";
  CHECK(error("[2]", "[0,8]") == "");
  CHECK(error("[2]", "[1,9]") == found + "[1, 9], expected them within the file's 8 bytes of data");
  CHECK(error("[3]", "[0,12]") ==
        found + "[0, 12], expected them within the file's 8 bytes of data");
  CHECK(error("[2]", "[9223372036854775800,9223372036854775807]") ==
        found + "[9223372036854775800, 9223372036854775807]" +
            ", expected them within the file's 8 bytes of data");
  CHECK(error("[2]", "[8,0]") == found + "[8, 0], expected the start not to be after the end");
  CHECK(error("[1]", "[0,8]") == found + "[0, 8], expected 4 bytes for F32 [1]");
  CHECK(error("[]", "[0,8]") == found + "[0, 8], expected 4 bytes for F32 []");
  CHECK(error("[0]", "[0,8]") == found + "[0, 8], expected 0 bytes for F32 [0]");
  CHECK(error("[2]", "[0,7]") == found + "[0, 7], expected 8 bytes for F32 [2]");
  CHECK(contains(error("[2]", "[-8,0]"), "found -8, expected a whole number"));
  CHECK(contains(error("[2]", "[0,18446744073709551615]"), "expected a whole number below 2^63"));
}

TEST_CASE("safetensors: data that overlaps, holes, and bytes too many or too few") {
  const auto error = [](const std::string& a, const std::string& b, std::size_t data) {
    return error_in(
        file_of("{\"a\":" + entry("U8", "[4]", a) + ",\"b\":" + entry("U8", "[4]", b) + "}", data));
  };
  const std::string a = "f: tensor \"a\": found its data at byte ";
  const std::string b = "f: tensor \"b\": found its data at byte ";
  const std::string ends = " where the data before it ends";
  CHECK(error("[0,4]", "[4,8]", 8) == "");
  CHECK(error("[4,8]", "[0,4]", 8) == "");
  CHECK(error("[0,4]", "[3,7]", 8) == b + "3, expected 4" + ends);
  CHECK(error("[1,5]", "[0,4]", 8) == a + "1, expected 4" + ends);
  CHECK(contains(error("[0,4]", "[0,4]", 4), "found its data at byte 0, expected 4" + ends));
  CHECK(error("[0,4]", "[5,9]", 9) == b + "5, expected 4" + ends);
  CHECK(error("[1,5]", "[5,9]", 9) == a + "1, expected 0" + ends);
  CHECK(error("[0,4]", "[4,8]", 9) == "f: found 9 bytes of data, expected 8 as the header says");
  CHECK(error("[0,4]", "[4,8]", 7) ==
        "f: tensor \"b\": found data_offsets [4, 8], expected them within the file's 7 bytes of "
        "data");
  CHECK(error_in(file_of("{}", 1)) == "f: found 1 bytes of data, expected 0 as the header says");
  // An empty tensor inside another one.
  CHECK(error_in(file_of(
            "{\"a\":" + entry("U8", "[4]", "[0,4]") + ",\"b\":" + entry("U8", "[0]", "[2,2]") + "}",
            4)) == b + "2, expected 4" + ends);
}

// Everything that a reader can do with a file. The sum makes sure that every byte is looked at.
unsigned use(const SafeTensors& file) {
  unsigned sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    try {
      sum += static_cast<unsigned>(file.floats(name, tensor.shape).size());
    } catch (const Error&) {  // an integer type
    }
  }
  return sum;
}

TEST_CASE("safetensors: damaged files give an Error or a file in order, nothing else") {
  const std::string valid =
      file_of("{\"__metadata__\":{\"k\":\"v\"},\"a\":" + entry("F32", "[2,3]", "[0,24]") +
                  ",\"b\":" + entry("F16", "[2]", "[24,28]") +
                  ",\"c\":" + entry("U8", "[]", "[28,29]") + "}",
              29);
  use(parse(valid));
  for (std::size_t size = 0; size < valid.size(); ++size) {
    CAPTURE(size);
    CHECK(error_in(valid.substr(0, size)) != "");
  }

  Rng rng(1);
  const std::string alphabet = "{}[]\",:0123456789-+.eEx\\ ntf\x80\xff";
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string file = valid;
    const std::uint32_t changes = 1 + rng.below(4);
    for (std::uint32_t i = 0; i < changes && !file.empty(); ++i) {
      const std::size_t at = rng.below(static_cast<std::uint32_t>(file.size()));
      const std::size_t length = rng.below(12);
      switch (rng.below(6)) {
        case 0:
          file[at] = static_cast<char>(file[at] ^ 1 << rng.below(8));
          break;
        case 1:
          file[at] = alphabet[rng.below(static_cast<std::uint32_t>(alphabet.size()))];
          break;
        case 2:
          file.erase(at, length);
          break;
        case 3:
          file.insert(at, file.substr(rng.below(static_cast<std::uint32_t>(at) + 1), length));
          break;
        case 4:
          file.resize(at);
          break;
        case 5:
          file[at] = static_cast<char>(rng.below(256));
          break;
      }
    }
    // Half of them with a header length that fits again, so that the damage reaches the parser.
    if (rng.below(2) && file.size() > 37) file.replace(0, 8, prefix(file.size() - 37));
    try {
      use(parse(file));
      ++accepted;
    } catch (const Error& error) {
      const std::string message = error.what();
      ++refused;
      REQUIRE(message.starts_with("f: "));
      REQUIRE_FALSE(contains(message, "\n"));
    }
  }
  CHECK(accepted > 100);  // otherwise the damage never gets past the first checks
  CHECK(refused > 1000);
}
