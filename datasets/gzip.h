// Gzip: unpacks a .gz file's content with zlib, without trusting any of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace espalier::datasets {

// What is packed, but no more than `most` bytes from its beginning. The path is for errors: the
// content is damaged, ends too early or goes on behind its end, as far as that shows.
std::vector<std::uint8_t> gunzip(std::span<const std::byte> packed, const std::string& path,
                                 std::size_t most);

// The most bytes that one packed byte can unpack to.
constexpr std::size_t kMostInflation = 1032;

}  // namespace espalier::datasets
