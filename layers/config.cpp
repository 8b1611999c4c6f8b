// Config: setting and strict reading.
#include "layers/config.h"

#include "core/error.h"

namespace espalier::layers {
namespace {

template <class T>
const T& expect(const Config::Value& value, const std::string& owner, const std::string& key,
                const char* kind) {
  const T* found = std::get_if<T>(&value);
  check(found, owner, ": option ", key, " is of another kind than expected, ", kind);
  return *found;
}

template <class T>
T in_range(T value, T low, T high, const std::string& owner, const std::string& key) {
  // Written so that NaN is out of range.
  check(value >= low && value <= high, owner, ": found ", key, " = ", value, ", expected ", low,
        " to ", high);
  return value;
}

}  // namespace

Config& Config::set(std::string key, Value value) {
  values_.emplace_back(std::move(key), std::move(value));
  return *this;
}

const Config::Value& Config::at(const std::string& key) const {
  for (const auto& [name, value] : values_)
    if (name == key) return value;
  fail(owner_, ": option ", key, " is missing");
}

std::int64_t Config::integer(const std::string& key, std::int64_t low, std::int64_t high) const {
  const std::int64_t value = expect<std::int64_t>(at(key), owner_, key, "an integer");
  return in_range(value, low, high, owner_, key);
}

double Config::number(const std::string& key, double low, double high) const {
  const Value& value = at(key);
  const std::int64_t* whole = std::get_if<std::int64_t>(&value);
  const double number =
      whole ? static_cast<double>(*whole) : expect<double>(value, owner_, key, "a number");
  return in_range(number, low, high, owner_, key);
}

bool Config::flag(const std::string& key) const {
  return expect<bool>(at(key), owner_, key, "true or false");
}

const std::string& Config::text(const std::string& key) const {
  return expect<std::string>(at(key), owner_, key, "a text");
}

}  // namespace espalier::layers
