// safetensors: headers that break the grammar, and the sentence that says so.
#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

#include "tests/safetensors_file.h"

using namespace espalier;
using namespace espalier::testing;

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
        "f: found a header length of 100000001, expected at most 100000000 in a model file "
        "(safetensors)");
  CHECK(error_in(prefix(UINT64_MAX) + "{}") ==
        "f: found a header length of 18446744073709551615, expected at most 100000000 in a model "
        "file (safetensors)");
  CHECK(error_in(prefix(UINT64_MAX - 7) + "{}") ==
        "f: found a header length of 18446744073709551608, expected at most 100000000 in a model "
        "file (safetensors)");
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
