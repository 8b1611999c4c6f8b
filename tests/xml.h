// Whether a text is well-formed, for the pictures and pages that the program writes.
#pragma once

#include <cstddef>
#include <regex>
#include <string>
#include <vector>

namespace espalier::testing {

// Whether every tag is closed by its own, attributes are quoted, and no text has a bare < or &.
inline std::string fault_of(const std::string& xml) {
  static const std::regex tag(
      R"(^<(/?)([A-Za-z][\w:-]*)((?:\s+[A-Za-z][\w:-]*="[^"<]*")*)\s*(/?)>)");
  static const std::regex entity("^&(amp|lt|gt|quot);");
  std::vector<std::string> open;
  std::size_t elements = 0;
  for (std::size_t at = 0; at < xml.size();) {
    std::cmatch match;
    if (xml[at] == '&') {
      if (!std::regex_search(xml.c_str() + at, match, entity)) return "a bare &";
      at += static_cast<std::size_t>(match.length());
    } else if (xml[at] == '<') {
      if (!std::regex_search(xml.c_str() + at, match, tag)) return xml.substr(at, 40);
      at += static_cast<std::size_t>(match.length());
      ++elements;
      if (match[1].length()) {
        if (open.empty() || open.back() != match[2]) return "an end of " + match[2].str();
        open.pop_back();
      } else if (!match[4].length()) {
        open.push_back(match[2]);
      }
      if (open.empty() && xml.find('<', at) != xml.npos) return "more than one root";
    } else {
      ++at;
    }
  }
  return !open.empty() ? "no end of " + open.back() : elements < 2 ? "no elements" : "";
}

inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++found;
  return found;
}

}  // namespace espalier::testing
