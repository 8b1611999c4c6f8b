// safetensors: the header's grammar.
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/safetensors_format.h"

namespace espalier::safetensors {
namespace {

using nlohmann::json;

// Takes the header value by value, as the JSON parser meets it, and stops at the first that has no
// place in the grammar:
//   depth 1   { "__metadata__": {...}, name: {...}, ... }
//   depth 2   { "dtype": "F32", "shape": [...], "data_offsets": [...] }
//             { key: "text", ... } under "__metadata__"
//   depth 3   [ whole number, ... ]
// A parsed document would be simpler, but it keeps the last of two equal names without a word, and
// grows as large as a hostile header wants.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(const std::string& path, std::map<std::string, std::string>& metadata)
      : path_(path), metadata_(metadata) {}

  std::vector<Entry> entries;

  bool start_object(std::size_t) override {
    if (depth_ >= 2) reject("an object");
    keys_[depth_++].clear();
    return true;
  }

  bool key(std::string& name) override {
    (depth_ == 1 ? name_ : field_) = name;
    if (!keys_[depth_ - 1].insert(name).second) fail(where(), ": found twice, expected once");
    if (in_metadata()) return true;
    if (depth_ == 1) entries.push_back({name, {}, {}, {}});
    if (depth_ == 2 && name != "dtype" && name != "shape" && name != "data_offsets")
      fail(where(), ": found an unknown key, expected dtype, shape and data_offsets only");
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 0 || in_metadata()) return true;
    if (keys_[1].size() != 3 || entries.back().offsets.size() != 2)
      fail(where(), ": found an incomplete entry, expected dtype, shape and two data_offsets");
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata() || field_ == "dtype") reject("an array");
    ++depth_;
    return true;
  }

  bool end_array() override {
    --depth_;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (depth_ != 3 || value > std::numeric_limits<std::int64_t>::max())
      reject(std::to_string(value));
    Sizes& list = field_ == "shape" ? entries.back().shape : entries.back().offsets;
    if (list.size() == kMaxRank)
      fail(where(), ": found more than ", kMaxRank, " numbers, expected at most ", kMaxRank);
    list.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (depth_ != 2 || (!in_metadata() && field_ != "dtype")) reject(quote(value));
    if (in_metadata()) {
      metadata_[field_] = value;
      return true;
    }
    const std::optional<DType> dtype = dtype_named(value);
    if (!dtype)
      fail(where(), ": found ", quote(value), ", expected a type such as F32, F16 or I64");
    entries.back().dtype = *dtype;
    return true;
  }

  bool null() override { reject("null"); }
  bool boolean(bool value) override { reject(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override { reject(std::to_string(value)); }  // < 0
  bool number_float(double, const std::string& text) override { reject(quote(text)); }
  bool binary(json::binary_t&) override { reject("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    fail(path_, ": found invalid JSON at byte ", position, " of the header, expected an object");
  }

 private:
  bool in_metadata() const { return name_ == kMetadata; }

  std::string where() const {
    const std::string at = path_ + (in_metadata() ? ": " : ": tensor ") + quote(name_);
    return depth_ == 1 ? at : at + ": " + quote(field_);
  }

  [[noreturn]] void reject(const std::string& found) const {
    const char* expected = depth_ == 1                          ? "an object"
                           : depth_ == 3                        ? "a whole number below 2^63"
                           : in_metadata() || field_ == "dtype" ? "a string"
                                                                : "an array of whole numbers";
    fail(where(), ": found ", found, ", expected ", expected);
  }

  const std::string& path_;
  std::map<std::string, std::string>& metadata_;
  int depth_ = 0;                  // of the objects and arrays that are open
  std::string name_, field_;       // the latest key at depth 1 and at depth 2
  std::set<std::string> keys_[2];  // those seen in the open object at depth 1 and at depth 2
};

}  // namespace

std::vector<Entry> parse_header(const std::string& path, std::string_view header,
                                std::map<std::string, std::string>& metadata) {
  HeaderReader reader(path, metadata);
  json::sax_parse(header.begin(), header.end(), &reader);
  return std::move(reader.entries);
}

}  // namespace espalier::safetensors
