// Json: what --json prints, logs hold and files carry as metadata. Keys in the order they were
// written.
#pragma once

#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

namespace espalier::cli {

// How values are read: a number has to be one of the type's own. The library would cut a fraction
// off, take a number modulo 2^32, and true for 1.
template <class Value, class = void>
struct ExactNumbers : nlohmann::adl_serializer<Value> {};

template <class Value>
struct ExactNumbers<Value, std::enable_if_t<std::is_arithmetic_v<Value>>> {
  template <class Json>
  static void to_json(Json& json, Value value) {
    nlohmann::to_json(json, value);
  }
  template <class Json>
  static void from_json(const Json& json, Value& value) {
    if (!fits(json)) json.template get_ref<const std::string&>();  // throws what `get` throws
    nlohmann::from_json(json, value);
  }

 private:
  template <class Json>
  static bool fits(const Json& json) {
    if constexpr (std::is_same_v<Value, bool>)
      return json.is_boolean();
    else if constexpr (std::is_floating_point_v<Value>)
      return json.is_number();
    else if (json.is_number_unsigned())
      return std::in_range<Value>(*json.template get_ptr<const std::uint64_t*>());
    else
      return json.is_number_integer() &&
             std::in_range<Value>(*json.template get_ptr<const std::int64_t*>());
  }
};

using Json =
    nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t,
                         std::uint64_t, double, std::allocator, ExactNumbers>;

}  // namespace espalier::cli
