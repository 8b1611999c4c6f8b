// Text: how numbers are written for people.
#pragma once

#include <cstdint>
#include <string>

namespace espalier {

inline std::string with_commas(std::int64_t number) {  // "1,234,567"
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace espalier
