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

Config& Config::set_pair(std::string key, const Pair& value) {
  if (value.y == value.x) return set(std::move(key), Value(std::int64_t{value.y}));
  return set(std::move(key), Value(Integers{value.y, value.x}));
}

Config& Config::set_sides(std::string key, const Sides& value) {
  if (value == Sides(value.top)) return set(std::move(key), Value(std::int64_t{value.top}));
  return set(std::move(key), Value(Integers{value.top, value.left, value.bottom, value.right}));
}

const Config::Value* Config::find(const std::string& key) const {
  for (const auto& [name, value] : values_)
    if (name == key) return &value;
  return nullptr;
}

const Config::Value& Config::at(const std::string& key) const {
  const Value* found = find(key);
  check(found, owner_, ": option ", key, " is missing");
  return *found;
}

bool Config::has(const std::string& key) const { return find(key) != nullptr; }

Config::Integers Config::integers(const std::string& key, std::size_t count, std::int64_t low,
                                  std::int64_t high) const {
  const Value& value = at(key);
  const auto* list = std::get_if<Integers>(&value);
  if (!list) return Integers(count, integer(key, low, high));
  check(list->size() == count, owner_, ": found ", list->size(), " integers as option ", key,
        ", expected one or ", count);
  for (const std::int64_t one : *list) in_range(one, low, high, owner_, key);
  return *list;
}

Pair Config::pair(const std::string& key, std::int64_t low, std::int64_t high) const {
  const Integers found = integers(key, 2, low, high);
  return {static_cast<int>(found[0]), static_cast<int>(found[1])};
}

Sides Config::sides(const std::string& key, std::int64_t low, std::int64_t high) const {
  const Integers found = integers(key, 4, low, high);
  return {static_cast<int>(found[0]), static_cast<int>(found[1]), static_cast<int>(found[2]),
          static_cast<int>(found[3])};
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
