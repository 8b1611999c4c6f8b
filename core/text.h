// Text: how numbers are written for people, and what may be shown to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

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

// Control characters, line ends among them: they steer a terminal and break lines.
inline bool is_control(unsigned char c) { return c < 32 || c == 127; }
inline bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control);
}

}  // namespace espalier
