// Gzip: unpacking a .gz file's content with zlib, without trusting any of it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace espalier::datasets {

// The first `limit` bytes that the content unpacks to, or all of them where there are fewer. An
// Error that names the path when the content is damaged, ends too early or goes on behind its end,
// as far as that shows within the limit. Memory grows with what comes out, not with what the
// content claims.
std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit,
                              const std::string& path);

}  // namespace espalier::datasets
