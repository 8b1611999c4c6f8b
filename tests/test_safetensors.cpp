// safetensors: round trips, the bytes of the official implementation, and what the writer refuses.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>

#include "tests/safetensors_file.h"

using namespace espalier;
using namespace espalier::testing;
using Shape64 = std::vector<std::int64_t>;

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
  const rlimit limited{65536, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limited);
  const std::string message = error_of([&] { next.write(folder / "file"); });
  setrlimit(RLIMIT_FSIZE, &before);

  CHECK(message == (folder / "file") + ": cannot write it: File too large");
  CHECK(SafeTensors::read(folder / "file").floats("a", {1}) == small);
  const auto entries = std::filesystem::directory_iterator(folder.path());
  CHECK(std::distance(begin(entries), end(entries)) == 1);
  next.write(folder / "file");  // with room again
  CHECK(SafeTensors::read(folder / "file").floats("a", {50'000}) == large);
}
