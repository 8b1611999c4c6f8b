// Hash: 64-bit FNV-1a (Fowler, Noll, Vo, 1991), to notice that data, weights or a file have changed
// by accident. It is no protection against someone who wants two contents to have the same hash.
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

  // A word at a time, which is faster; another hash than that of its bytes.
  void add_word(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x100000001b3;
    value_ ^= value_ >> 32;  // or the high bits of words would never reach the low ones
  }

  std::uint64_t value() const { return value_; }
  std::string str() const {  // 16 hexadecimal digits
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value_ >> shift & 15];
    return text;
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace espalier
