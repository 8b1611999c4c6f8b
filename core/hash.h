// Hash: 64-bit FNV-1a, to notice that data or a file has changed by accident. It is no protection
// against someone who wants two contents to have the same hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace espalier {

class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes)
      value_ = (value_ ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  }

  std::string str() const {  // 16 hexadecimal digits
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value_ >> shift & 15];
    return text;
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace espalier
