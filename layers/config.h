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

  void set(std::string key, Value value) { values_.emplace_back(std::move(key), std::move(value)); }
  const Value* find(const std::string& key) const;  // null where there is none
  const std::vector<std::pair<std::string, Value>>& values() const { return values_; }
  const std::string& owner() const { return owner_; }

 private:
  std::string owner_;
  std::vector<std::pair<std::string, Value>> values_;  // in the order they were set
};

// Takes a layer's options, as Module::describe() names them, from a Config or into one. Reading is
// strict, since a file may say anything: an Error names the owner and the option where it is
// missing, of another kind, or outside [low, high].
class Options {
 public:
  explicit Options(const Config& from) : config_(from), reads_(true) {}
  Options() : reads_(false) {}

  void flag(const std::string& key, bool& value);
  void text(const std::string& key, std::string& value);
  void number(const std::string& key, float& value, double low, double high);  // or an integer
  template <class Integer>
  void integer(const std::string& key, Integer& value, std::int64_t low, std::int64_t high) {
    integers(key, low, high, value);
  }
  // A value for each direction or side: one integer in the file where all are alike.
  void pair(const std::string& key, Pair& value, std::int64_t low, std::int64_t high) {
    integers(key, low, high, value.y, value.x);
  }
  void sides(const std::string& key, Sides& value, std::int64_t low, std::int64_t high) {
    integers(key, low, high, value.top, value.left, value.bottom, value.right);
  }
  // Whether to go on with an option that the file leaves out where it is `usual`, as it is then.
  template <class T>
  bool unusual(const std::string& key, T& value, const T& usual) {
    if (!reads_) return value != usual;
    value = usual;
    return config_.find(key) != nullptr;
  }

  const Config& config() const { return config_; }

 private:
  const Config::Value* exchange(const std::string& key, const Config::Value& own);
  template <class T>
  const T& expect(const Config::Value& found, const std::string& key, const char* kind) const;
  template <class T>
  T in_range(T value, T low, T high, const std::string& key) const;
  Config::Integers exchanged(const std::string& key, Config::Integers own, std::int64_t low,
                             std::int64_t high);
  template <class... Parts>
  void integers(const std::string& key, std::int64_t low, std::int64_t high, Parts&... parts) {
    const auto values = exchanged(key, {static_cast<std::int64_t>(parts)...}, low, high);
    auto value = values.begin();
    if (reads_) ((parts = static_cast<Parts>(*value++)), ...);
  }

  Config config_;
  bool reads_;
};

// Bounds of what a file may declare. With them no product of sizes overflows.
inline constexpr std::int64_t kMaxChannels = 1 << 20;
inline constexpr std::int64_t kMaxFeatures = 1 << 26;
inline constexpr std::int64_t kMaxKernel = 1 << 10;  // strides and paddings too

}  // namespace espalier::layers
