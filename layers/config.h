// Config: the options of a layer by name, as they stand in a model file. A small value type of its
// own, so that layers need not know the file's notation.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/ops/sides.h"

namespace espalier::layers {

class Config {
 public:
  using Integers = std::vector<std::int64_t>;
  using Value = std::variant<bool, std::int64_t, double, std::string, Integers>;

  Config() = default;
  // `owner` stands first in the messages of errors: the file and the layer.
  explicit Config(std::string owner) : owner_(std::move(owner)) {}

  Config& set(std::string key, Value value);
  const std::vector<std::pair<std::string, Value>>& values() const { return values_; }
  const std::string& owner() const { return owner_; }

  // Reading is strict, since a file may say anything: an error names the owner and the option where
  // it is missing, of another kind, or outside [low, high].
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high) const;
  // A list of so many, or one integer that stands for all of them.
  Integers integers(const std::string& key, std::size_t count, std::int64_t low,
                    std::int64_t high) const;
  double number(const std::string& key, double low, double high) const;  // an integer will do
  bool flag(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  bool has(const std::string& key) const;

  // A value for each direction or side (core/ops/sides.h): one integer where all are alike.
  Pair pair(const std::string& key, std::int64_t low, std::int64_t high) const;
  Sides sides(const std::string& key, std::int64_t low, std::int64_t high) const;
  Config& set_pair(std::string key, const Pair& value);
  Config& set_sides(std::string key, const Sides& value);

 private:
  const Value* find(const std::string& key) const;
  const Value& at(const std::string& key) const;

  std::string owner_;
  std::vector<std::pair<std::string, Value>> values_;  // in the order they were set
};

// Bounds of what a file may declare. With them no product of sizes overflows.
inline constexpr std::int64_t kMaxChannels = 1 << 20;
inline constexpr std::int64_t kMaxFeatures = 1 << 26;
inline constexpr std::int64_t kMaxKernel = 1 << 10;  // strides and paddings too

}  // namespace espalier::layers
