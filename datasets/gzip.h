// Gzip: unpacks a .gz file's content with zlib, without trusting any of it.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>

namespace espalier::datasets {

class Gunzip {
 public:
  // The packed content has to outlive it; the path is for errors.
  Gunzip(std::span<const std::byte> packed, const std::string& path);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // Fills `to` with what comes next, and returns how much of it: less only at the end. An Error
  // when the content is damaged, ends too early or goes on behind its end, as far as that shows.
  std::size_t read(std::span<std::byte> to);

 private:
  std::span<const std::byte> packed_;
  std::string path_;
  z_stream stream_ = {};
  std::size_t taken_ = 0;
  bool ended_ = false;
};

// The most bytes that one packed byte can unpack to.
constexpr std::size_t kMostInflation = 1032;

}  // namespace espalier::datasets
