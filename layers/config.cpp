// Config: strict reading, and writing by the same calls.
#include "layers/config.h"

#include <algorithm>

#include "core/error.h"

namespace espalier::layers {

const Config::Value* Config::find(const std::string& key) const {
  for (const auto& [name, value] : values_)
    if (name == key) return &value;
  return nullptr;
}

// What there is to read; null where the layer's own value is written instead.
const Config::Value* Options::exchange(const std::string& key, const Config::Value& own) {
  const Config::Value* found = reads_ ? config_.find(key) : nullptr;
  check(found || !reads_, config_.owner(), ": option ", key, " is missing");
  if (!reads_) config_.set(key, own);
  return found;
}

template <class T>
const T& Options::expect(const Config::Value& found, const std::string& key,
                         const char* kind) const {
  const T* value = std::get_if<T>(&found);
  check(value, config_.owner(), ": option ", key, " is of another kind than expected, ", kind);
  return *value;
}

template <class T>
T Options::in_range(T value, T low, T high, const std::string& key) const {
  // Written so that NaN is out of range.
  check(value >= low && value <= high, config_.owner(), ": found ", key, " = ", value,
        ", expected ", low, " to ", high);
  return value;
}

void Options::flag(const std::string& key, bool& value) {
  if (const auto* found = exchange(key, value)) value = expect<bool>(*found, key, "true or false");
}

void Options::text(const std::string& key, std::string& value) {
  if (const auto* found = exchange(key, value)) value = expect<std::string>(*found, key, "a text");
}

void Options::number(const std::string& key, float& value, double low, double high) {
  const auto* found = exchange(key, value);
  if (!found) return;
  const auto* whole = std::get_if<std::int64_t>(found);
  const double number =
      whole ? static_cast<double>(*whole) : expect<double>(*found, key, "a number");
  value = static_cast<float>(in_range(number, low, high, key));
}

Config::Integers Options::exchanged(const std::string& key, Config::Integers own, std::int64_t low,
                                    std::int64_t high) {
  const bool alike = std::count(own.begin(), own.end(), own[0]) == std::ssize(own);
  const auto* found = exchange(key, alike ? Config::Value(own[0]) : Config::Value(own));
  if (!found) return own;
  const auto* list = std::get_if<Config::Integers>(found);
  if (list && own.size() > 1) {
    check(list->size() == own.size(), config_.owner(), ": found ", list->size(),
          " integers as option ", key, ", expected one or ", own.size());
    own = *list;
  } else {
    own.assign(own.size(), expect<std::int64_t>(*found, key, "an integer"));
  }
  for (const std::int64_t one : own) in_range(one, low, high, key);
  return own;
}

}  // namespace espalier::layers
