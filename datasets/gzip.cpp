// Gzip: zlib's inflate, called until the data or the limit is reached.
#include "datasets/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "core/error.h"

namespace espalier::datasets {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 30;  // zlib counts in 32 bits

struct Inflater {
  z_stream stream = {};
  explicit Inflater(const std::string& path) {
    // 16: gzip's header and checksum around the data, and nothing else.
    check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, path, ": cannot unpack it: no memory");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

}  // namespace

std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit,
                              const std::string& path) {
  Inflater inflater(path);
  z_stream& stream = inflater.stream;
  std::vector<std::byte> out;
  std::size_t taken = 0, made = 0;
  while (made < limit) {
    if (made == out.size())
      out.resize(std::min(limit, std::max<std::size_t>(2 * made, std::size_t{1} << 16)));
    const auto room = static_cast<uInt>(std::min(out.size() - made, kPart));
    const auto rest = static_cast<uInt>(std::min(packed.size() - taken, kPart));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + taken));
    stream.avail_in = rest;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    stream.avail_out = room;
    const int status = inflate(&stream, Z_NO_FLUSH);
    taken += rest - stream.avail_in;
    made += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (taken == packed.size()) break;
      // Several gzip files in a row are one gzip file. Anything else has no business here.
      check(packed[taken] == std::byte{0x1f}, path, ": found ", packed.size() - taken,
            " bytes behind the end of the packed data, expected none");
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR) {
      fail(path, ": found the end of the file after ", packed.size(),
           " bytes, expected more packed data");
    } else if (status != Z_OK) {
      fail(path, ": cannot unpack it: ", stream.msg ? stream.msg : "damaged data");
    }
  }
  out.resize(made);
  return out;
}

}  // namespace espalier::datasets
