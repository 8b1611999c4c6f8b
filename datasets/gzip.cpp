// Gzip: zlib's inflate, called until there is as much as was asked for, or no more.
#include "datasets/gzip.h"

#include <algorithm>

#include "core/error.h"

namespace espalier::datasets {

Gunzip::Gunzip(std::span<const std::byte> packed, const std::string& path)
    : packed_(packed), path_(path) {
  // 16: gzip's header and checksum around the data, and nothing else.
  check(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, path, ": no memory to unpack it");
}

Gunzip::~Gunzip() { inflateEnd(&stream_); }

std::size_t Gunzip::read(std::span<std::byte> to) {
  constexpr std::size_t kPart = std::size_t{1} << 30;  // zlib counts in 32 bits
  std::size_t made = 0;
  while (made < to.size() && !ended_) {
    const auto room = static_cast<uInt>(std::min(to.size() - made, kPart));
    const auto rest = static_cast<uInt>(std::min(packed_.size() - taken_, kPart));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed_.data() + taken_));
    stream_.avail_in = rest;
    stream_.next_out = reinterpret_cast<Bytef*>(to.data() + made);
    stream_.avail_out = room;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    taken_ += rest - stream_.avail_in;
    made += room - stream_.avail_out;
    if (status == Z_STREAM_END) {
      ended_ = taken_ == packed_.size();
      if (ended_) break;
      // Several gzip files in a row are one gzip file. Anything else has no business here.
      check(packed_[taken_] == std::byte{0x1f}, path_, ": found ", packed_.size() - taken_,
            " bytes behind the end of the packed data, expected none");
      inflateReset(&stream_);
    } else if (status == Z_BUF_ERROR) {
      fail(path_, ": found the end of the file after ", packed_.size(),
           " bytes, expected more packed data");
    } else if (status == Z_MEM_ERROR) {
      fail(path_, ": no memory to unpack it");
    } else if (status != Z_OK) {
      fail(path_, ": cannot unpack it: ", stream_.msg ? stream_.msg : "damaged data");
    }
  }
  return made;
}

}  // namespace espalier::datasets
