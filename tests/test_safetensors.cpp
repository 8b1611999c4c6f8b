// safetensors: round trips, the bytes of the official implementation, and every kind of bad file.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/rng.h"
#include "core/safetensors.h"
#include "tests/tempdir.h"

using namespace espalier;
using espalier::testing::TempDir;
using Shape64 = std::vector<std::int64_t>;

namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::string prefix(std::uint64_t length) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text;
}

// A file with this header and so many bytes of data.
std::string file_of(const std::string& header, std::size_t data = 0) {
  return prefix(header.size()) + header + std::string(data, 'd');
}

SafeTensors parse(const std::string& file) { return SafeTensors("f", bytes_of(file)); }

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

std::string error_in(const std::string& file) {
  return error_of([&] { parse(file); });
}

// What reading says of a file whose only tensor, "a", has this entry.
std::string error_in_entry(const std::string& entry, std::size_t data = 8) {
  return error_in(file_of("{\"a\":" + entry + "}", data));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string written_by(const SafeTensorsWriter& writer) {
  TempDir folder;
  writer.write(folder / "file");
  const std::vector<std::byte> bytes = read_file(folder / "file");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("safetensors: what was written is read, bit for bit") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> weight = {1, -0.0f, nan, INFINITY, 1e-45f, 3.4e38f}, scalar = {7};
  const std::vector<std::uint8_t> mask = {1, 0, 1};
  const std::vector<std::int64_t> steps = {-5};
  SafeTensorsWriter writer;
  writer.metadata("topology", "{\"layers\": [\"conv\"]}\n");
  writer.metadata("", "\xc3\xa9\x01");
  writer.add("weight", {2, 3}, weight);
  writer.add("mask", DType::U8, {3}, std::as_bytes(std::span(mask)));
  writer.add("steps", DType::I64, {}, std::as_bytes(std::span(steps)));
  writer.add("na\"me \xc3\xa9\n", {1, 1, 1, 1, 1, 1, 1, 1}, scalar);
  writer.add("empty", {0, 4}, std::span<const float>());
  TempDir folder;
  writer.write(folder / "file");

  SafeTensors read = SafeTensors::read(folder / "file");
  const SafeTensors file = std::move(read);  // the views have to survive a move
  CHECK(file.path() == folder / "file");
  CHECK(file.metadata() == std::map<std::string, std::string>{
                               {"topology", "{\"layers\": [\"conv\"]}\n"}, {"", "\xc3\xa9\x01"}});
  CHECK(file.tensors().size() == 5);
  CHECK(file.contains("mask"));
  CHECK_FALSE(file.contains("__metadata__"));

  const std::vector<float> found = file.floats("weight", {2, 3});
  REQUIRE(found.size() == weight.size());
  CHECK(std::memcmp(found.data(), weight.data(), sizeof(float) * weight.size()) == 0);
  CHECK(file.floats("na\"me \xc3\xa9\n", Shape64(8, 1)) == scalar);
  CHECK(file.floats("empty", {0, 4}).empty());
  CHECK(file.at("mask").dtype == DType::U8);
  CHECK(file.at("mask").shape == Shape64{3});
  CHECK(std::ranges::equal(file.at("mask", DType::U8, {3}).bytes, std::as_bytes(std::span(mask))));
  CHECK(
      std::ranges::equal(file.at("steps", DType::I64, {}).bytes, std::as_bytes(std::span(steps))));
}

TEST_CASE("safetensors: the bytes are those of the official implementation") {
  // Written by Python's safetensors 0.8.0:
  //   save({"z": float32([1, 2]), "b": uint8([3]), "a": float32([[4]]), "n": int64(5)}, {"k": "v"})
  const std::string header =
      R"({"__metadata__":{"k":"v"},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]},)"
      R"("z":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
      R"("b":{"dtype":"U8","shape":[1],"data_offsets":[20,21]}})";
  const std::string data("\5\0\0\0\0\0\0\0\0\0\x80\x40\0\0\x80\x3f\0\0\0\x40\3", 21);
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');

  const std::vector<float> a = {4}, z = {1, 2};
  const std::uint8_t b = 3;
  const std::int64_t n = 5;
  SafeTensorsWriter writer, reordered;
  writer.add("z", {2}, z);
  writer.add("b", DType::U8, {1}, std::as_bytes(std::span(&b, 1)));
  writer.add("a", {1, 1}, a);
  writer.add("n", DType::I64, {}, std::as_bytes(std::span(&n, 1)));
  writer.metadata("k", "other");
  writer.metadata("k", "v");
  reordered.metadata("k", "v");
  reordered.add("n", DType::I64, {}, std::as_bytes(std::span(&n, 1)));
  reordered.add("b", DType::U8, {1}, std::as_bytes(std::span(&b, 1)));
  reordered.add("a", {1, 1}, a);
  reordered.add("z", {2}, z);
  CHECK(written_by(writer) == prefix(padded.size()) + padded + data);
  CHECK(written_by(reordered) == written_by(writer));
}

TEST_CASE("safetensors: a file without tensors, with and without padding") {
  CHECK(parse(file_of("{}")).tensors().empty());
  CHECK(parse(file_of("{ }  \n")).metadata().empty());
  CHECK(written_by(SafeTensorsWriter()) == prefix(8) + "{}      ");
}

TEST_CASE("safetensors: tensors may lie in another order than the header has them, unaligned") {
  const SafeTensors file = parse(file_of("{\"b\":" + entry("U8", "[3]", "[5,8]") +
                                         ",\"e\":" + entry("F32", "[0]", "[5,5]") +
                                         ",\"c\":" + entry("F32", "[1]", "[1,5]") +
                                         ",\"a\":" + entry("I8", "[]", "[0,1]") + "}") +
                                 std::string("\x01\0\0\x80\x3f\2\2\2", 8));
  CHECK(file.floats("c", {1}) == std::vector<float>{1});
  CHECK(file.at("b").bytes[2] == std::byte{2});
  CHECK(file.at("e").bytes.empty());
}

TEST_CASE("safetensors: types have the names and sizes of the format") {
  const std::pair<DType, std::string> names[] = {
      {DType::U64, "U64"},  {DType::I64, "I64"}, {DType::F64, "F64"},   {DType::F32, "F32"},
      {DType::U32, "U32"},  {DType::I32, "I32"}, {DType::BF16, "BF16"}, {DType::F16, "F16"},
      {DType::U16, "U16"},  {DType::I16, "I16"}, {DType::I8, "I8"},     {DType::U8, "U8"},
      {DType::BOOL, "BOOL"}};
  for (const auto& [dtype, name] : names) {
    CAPTURE(name);
    CHECK(dtype_name(dtype) == name);
    const std::size_t digits = name.find_first_of("123468");
    CHECK(dtype_size(dtype) == (digits == name.npos ? 1 : std::stoul(name.substr(digits)) / 8));
    const std::string end = std::to_string(dtype_size(dtype));
    const SafeTensors file =
        parse(file_of("{\"a\":" + entry(name, "[1]", "[0," + end + "]") + "}", dtype_size(dtype)));
    CHECK(file.at("a").dtype == dtype);
  }
}

// The values of a one-dimensional tensor of this type, read as floats.
template <class Stored>
std::vector<float> floats_from(DType dtype, const std::vector<Stored>& stored) {
  SafeTensorsWriter writer;
  const auto count = static_cast<std::int64_t>(stored.size());
  writer.add("a", dtype, {count}, std::as_bytes(std::span(stored)));
  return parse(written_by(writer)).floats("a", {count});
}

TEST_CASE("safetensors: F16 converts exactly, all 65536 values") {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> found = floats_from(DType::F16, halves);
  int wrong = 0;
  for (int i = 0; i < 65536; ++i) {
    const int exponent = i >> 10 & 31, fraction = i & 1023;
    double expected = exponent == 0    ? std::ldexp(fraction, -24)
                      : exponent == 31 ? (fraction ? NAN : INFINITY)
                                       : std::ldexp(1024 + fraction, exponent - 25);
    const bool same = std::isnan(expected) ? std::isnan(found[i]) : std::fabs(found[i]) == expected;
    wrong += !same || std::signbit(found[i]) != (i >= 32768);
  }
  CHECK(wrong == 0);
  CHECK(found[0x3c00] == 1.0f);
  CHECK(found[0x7bff] == 65504.0f);
  CHECK(found[0x0001] == 5.9604644775390625e-8f);
}

TEST_CASE("safetensors: BF16 and F64 convert to the nearest float") {
  CHECK(floats_from<std::uint16_t>(DType::BF16, {0x3f80, 0xc020, 0x0001, 0x7f80}) ==
        std::vector<float>{1.0f, -2.5f, std::bit_cast<float>(0x00010000u), INFINITY});
  CHECK(std::isnan(floats_from<std::uint16_t>(DType::BF16, {0x7fc0})[0]));
  CHECK(floats_from<double>(DType::F64, {0.1, -1e300, 16777217.0}) ==
        std::vector<float>{0.1f, -INFINITY, 16777216.0f});
}

TEST_CASE("safetensors: asking for what is not there") {
  const SafeTensors file = parse(file_of(
      "{\"a\":" + entry("I32", "[2]", "[0,8]") + ",\"b\":" + entry("F32", "[2,1]", "[8,16]") + "}",
      16));
  CHECK(error_of([&] { file.at("c"); }) == "f: found no tensor \"c\" among its 2");
  CHECK(error_of([&] { file.floats("c", {}); }) == "f: found no tensor \"c\" among its 2");
  CHECK(error_of([&] { file.floats("a", {2}); }) ==
        "f: tensor \"a\": found I32, expected F32, F16, BF16 or F64");
  CHECK(error_of([&] { file.floats("b", {2}); }) ==
        "f: tensor \"b\": found shape [2, 1], expected [2]");
  CHECK(error_of([&] {
          file.floats("b", {1, 2});
        }) == "f: tensor \"b\": found shape [2, 1], expected [1, 2]");
  CHECK(error_of([&] { file.at("a", DType::I64, {1}); }) ==
        "f: tensor \"a\": found I32, expected I64");
  CHECK(error_of([&] { file.at("a", DType::I32, {}); }) ==
        "f: tensor \"a\": found shape [2], expected []");
}

TEST_CASE("safetensors: header lengths that cannot be") {
  CHECK(error_in("") == "f: found 0 bytes, expected at least the 8 of the header's length");
  CHECK(error_in("1234567") == "f: found 7 bytes, expected at least the 8 of the header's length");
  CHECK(error_in(prefix(0)) == "f: found a header that does not start with {, expected an object");
  CHECK(error_in(prefix(2)) ==
        "f: found a header length of 2, expected at most the 0 bytes that follow");
  CHECK(error_in(prefix(3) + "{}") ==
        "f: found a header length of 3, expected at most the 2 bytes that follow");
  CHECK(error_in(prefix(100'000'000) + "{}") ==
        "f: found a header length of 100000000, expected at most the 2 bytes that follow");
  CHECK(error_in(prefix(100'000'001) + "{}") ==
        "f: found a header length of 100000001, expected at most 100000000");
  CHECK(error_in(prefix(UINT64_MAX) + "{}") ==
        "f: found a header length of 18446744073709551615, expected at most 100000000");
  CHECK(error_in(prefix(UINT64_MAX - 7) + "{}") ==
        "f: found a header length of 18446744073709551608, expected at most 100000000");
}

TEST_CASE("safetensors: a header that is no JSON object") {
  const std::string not_object = "f: found a header that does not start with {, expected an object";
  for (const std::string header : {"[]", "null", "1", "\"{}\"", " {}", "\xef\xbb\xbf{}", "xyz"}) {
    CAPTURE(header);
    CHECK(error_in(file_of(header)) == not_object);
  }
  CHECK(error_in(file_of("{")) ==
        "f: found invalid JSON at byte 2 of the header, expected an object");
  for (const std::string& header :
       {std::string("{\"a\"}"), std::string("{\"a\":}"), std::string("{,}"), std::string("{}{}"),
        std::string("{}]"), std::string("{a:1}"), std::string("{'a':1}"), std::string("{/**/}"),
        std::string("{\"a\":1e999}"), std::string("{\"a\":{\"shape\":[01]}}"),
        std::string("{\"a\":NaN}"), std::string("{\"\\ud800\":{}}"), std::string("{\"\\x\":{}}"),
        std::string("{\"\n\":{}}")}) {
    CAPTURE(header);
    CHECK(contains(error_in(file_of(header)), "f: found invalid JSON at byte"));
  }
}

TEST_CASE("safetensors: nothing hides behind a NUL") {
  CHECK(error_in(file_of(std::string("{}\0", 3))) ==
        "f: found a NUL at byte 3 of the header, expected an object");
  CHECK(error_in(file_of(std::string("{}\0\xff}{", 6))) ==
        "f: found a NUL at byte 3 of the header, expected an object");
  CHECK(contains(error_in(file_of(std::string("{\"a\0\":1}", 9))), "found a NUL at byte 4"));
}

TEST_CASE("safetensors: invalid UTF-8") {
  for (const std::string text : {"\x80", "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5"}) {
    CHECK(contains(error_in(file_of("{\"" + text + "\":{}}")), "found invalid JSON at byte"));
    CHECK(contains(error_in(file_of(R"({"__metadata__":{"k":")" + text + "\"}}")),
                   "found invalid JSON at byte"));
  }
}

TEST_CASE("safetensors: a name twice, at every level") {
  const std::string empty = entry("F32", "[0]", "[0,0]");
  CHECK(error_in(file_of("{\"a\":" + empty + ",\"b\":" + empty + ",\"a\":" + empty + "}")) ==
        "f: tensor \"a\": found twice, expected once");
  CHECK(error_in(file_of("{\"a\":" + empty + ",\"\\u0061\":" + empty + "}")) ==
        "f: tensor \"a\": found twice, expected once");
  CHECK(error_in(file_of(R"({"__metadata__":{},"__metadata__":{}})")) ==
        "f: \"__metadata__\": found twice, expected once");
  CHECK(error_in(file_of(R"({"__metadata__":{"k":"v","k":"v"}})")) ==
        "f: \"__metadata__\": \"k\": found twice, expected once");
  CHECK(error_in_entry(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})") ==
        "f: tensor \"a\": \"dtype\": found twice, expected once");
  CHECK(error_in_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"shape":[2]})") ==
        "f: tensor \"a\": \"shape\": found twice, expected once");
  // The same keys in different tensors are no repetition.
  CHECK(error_in(file_of("{\"a\":" + empty + ",\"b\":" + empty + "}")) == "");
}

TEST_CASE("safetensors: deep nesting ends at the first level too many") {
  std::string arrays(1'000'000, '['), objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  CHECK(error_in(file_of("{\"a\":" + arrays)) ==
        "f: tensor \"a\": found an array, expected an object");
  CHECK(
      error_in(file_of(objects)) ==
      "f: tensor \"a\": \"a\": found an unknown key, expected dtype, shape and data_offsets only");
  CHECK(error_in(file_of("{\"a\":{\"shape\":" + arrays)) ==
        "f: tensor \"a\": \"shape\": found an array, expected a whole number below 2^63");
  CHECK(error_in(file_of("{\"a\":{\"shape\":" + objects)) ==
        "f: tensor \"a\": \"shape\": found an object, expected an array of whole numbers");
  CHECK(error_in(file_of("{\"__metadata__\":{\"k\":" + objects)) ==
        "f: \"__metadata__\": \"k\": found an object, expected a string");
}

TEST_CASE("safetensors: metadata holds strings only") {
  for (const auto& [value, found] :
       std::vector<std::pair<std::string, std::string>>{{"1", "1"},
                                                        {"-1", "-1"},
                                                        {"1.5", "\"1.5\""},
                                                        {"null", "null"},
                                                        {"true", "true"},
                                                        {"[]", "an array"},
                                                        {"{}", "an object"}}) {
    CHECK(error_in(file_of("{\"__metadata__\":{\"k\":" + value + "}}")) ==
          "f: \"__metadata__\": \"k\": found " + found + ", expected a string");
  }
  for (const std::string value : {"1", "null", "\"text\"", "[]"})
    CHECK(contains(error_in(file_of("{\"__metadata__\":" + value + "}")), "expected an object"));
}

TEST_CASE("safetensors: an entry that is none") {
  const std::string incomplete =
      "f: tensor \"a\": found an incomplete entry, expected dtype, shape and two data_offsets";
  for (const std::string value : {"1", "-1", "0.5", "null", "true", "\"F32\"", "[1]"})
    CHECK(contains(error_in_entry(value), "f: tensor \"a\": found "));
  CHECK(error_in_entry("{}") == incomplete);
  CHECK(error_in_entry(R"({"shape":[2],"data_offsets":[0,8]})") == incomplete);
  CHECK(error_in_entry(R"({"dtype":"F32","data_offsets":[0,8]})") == incomplete);
  CHECK(error_in_entry(R"({"dtype":"F32","shape":[2]})") == incomplete);
  CHECK(error_in_entry(entry("F32", "[2]", "[0]")) == incomplete);
  CHECK(error_in_entry(entry("F32", "[2]", "[]")) == incomplete);
  CHECK(error_in_entry(entry("F32", "[2]", "[0,8,8]")) == incomplete);
  CHECK(contains(error_in_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"),
                 "found an unknown key"));
}

TEST_CASE("safetensors: unknown type") {
  for (const std::string name : {"F8_E4M3", "f32", "", "F32 ", "FLOAT"})
    CHECK(error_in_entry(entry(name, "[2]", "[0,8]")) ==
          "f: tensor \"a\": \"dtype\": found \"" + name +
              "\", expected a type such as F32, F16 or I64");
  CHECK(error_in_entry(R"({"dtype":3,"shape":[2],"data_offsets":[0,8]})") ==
        "f: tensor \"a\": \"dtype\": found 3, expected a string");
  CHECK(error_in_entry(R"({"dtype":["F32"],"shape":[2],"data_offsets":[0,8]})") ==
        "f: tensor \"a\": \"dtype\": found an array, expected a string");
}

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

TEST_CASE("safetensors: names keep a message on one line, of bearable length") {
  const std::string message =
      error_in(file_of("{\"line\\nbreak\\u0000" + std::string(100'000, 'x') + "\":1}"));
  CHECK(contains(message, "f: tensor \"line?break?xxx"));
  CHECK(contains(message, "xxx...\": found 1, expected an object"));
  CHECK(message.size() < 200);
  std::string accents;  // a cut after 100 bytes would fall inside one
  for (int i = 0; i < 99; ++i) accents += "\xc3\xa9";
  CHECK(contains(error_in(file_of("{\"x" + accents + "\":1}")), "\xc3\xa9...\""));
}

TEST_CASE("safetensors: paths that cannot be read or written") {
  TempDir folder;
  CHECK(contains(error_of([&] { SafeTensors::read(folder / "none"); }),
                 (folder / "none") + ": cannot open it"));
  write_file(folder / "short", "123");
  CHECK(error_of([&] { SafeTensors::read(folder / "short"); }) ==
        (folder / "short") + ": found 3 bytes, expected at least the 8 of the header's length");
  CHECK(contains(error_of([&] { SafeTensorsWriter().write(folder / "none/file"); }),
                 (folder / "none/file") + ": cannot create it"));
}

TEST_CASE("safetensors: the writer refuses what would make a bad file") {
  const std::vector<float> two = {1, 2};
  SafeTensorsWriter writer;
  writer.add("a", {2}, two);
  const auto error = [&](const std::string& name, Shape64 shape) {
    return error_of([&] { writer.add(name, shape, two); });
  };
  CHECK(error("a", {2}) == "tensor \"a\": found the name twice, expected once");
  CHECK(error("__metadata__", {2}) ==
        "tensor \"__metadata__\": found the reserved name, expected another");
  CHECK(error("b", {3}) == "tensor \"b\": found 8 bytes, expected those of F32 [3]");
  CHECK(error("b", {-1, -2}) == "tensor \"b\": found shape [-1, -2], expected sizes of 0 or more");
  CHECK(error("b", {INT64_MAX, INT64_MAX, 2}) ==
        "tensor \"b\": found 8 bytes, expected those of F32 [9223372036854775807, "
        "9223372036854775807, 2]");
  CHECK(error("b", Shape64(9, 1)) == "tensor \"b\": found 9 dimensions, expected at most 8");
  CHECK(contains(error("\xff", {2}), "found bytes that are not UTF-8"));
  CHECK(contains(error(std::string(200, '\x80'), {2}), "found bytes that are not UTF-8"));
  CHECK(contains(error_of([&] { writer.metadata("k", "\xff"); }), "metadata \"k\": found bytes"));
  CHECK(
      contains(error_of([&] { writer.metadata("\xff", "v"); }), "found bytes that are not UTF-8"));
  // None of them left a trace.
  CHECK(parse(written_by(writer)).floats("a", {2}) == two);
  CHECK(parse(written_by(writer)).tensors().size() == 1);
  CHECK(parse(written_by(writer)).metadata().empty());
}

TEST_CASE("safetensors: a disk that fills up leaves the old file whole") {
  TempDir folder;
  const std::vector<float> small = {1}, large(50'000, 2.0f);
  SafeTensorsWriter old, next;
  old.add("a", {1}, small);
  old.write(folder / "file");
  next.add("a", {50'000}, large);

  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limited{65536, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limited);
  const std::string message = error_of([&] { next.write(folder / "file"); });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);

  CHECK(message == (folder / "file") + ": cannot write it: File too large");
  CHECK(SafeTensors::read(folder / "file").floats("a", {1}) == small);
  const auto entries = std::filesystem::directory_iterator(folder.path());
  CHECK(std::distance(begin(entries), end(entries)) == 1);
  next.write(folder / "file");  // with room again
  CHECK(SafeTensors::read(folder / "file").floats("a", {50'000}) == large);
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
