// Gzip: zlib's inflate, called until there is as much as was asked for, or no more.
#include "datasets/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "core/error.h"

namespace espalier::datasets {

std::vector<std::uint8_t> gunzip(std::span<const std::byte> packed, const std::string& path,
                                 std::size_t most) {
  constexpr std::size_t kPart = std::size_t{1} << 20;  // memory is taken as the content comes out
  constexpr std::size_t kMostInput = std::size_t{1} << 30;  // zlib counts in 32 bits
  z_stream stream = {};
  // 16: gzip's header and checksum around the data, and nothing else.
  check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, path, ": no memory to unpack it");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  std::vector<std::uint8_t> content;
  content.reserve(most);  // no memory until it is written to
  const std::size_t size = packed.size();
  std::size_t made = 0;
  while (made < most) {
    const std::size_t input = std::min(packed.size(), kMostInput);
    if (made == content.size()) content.resize(std::min(most, made + kPart));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = content.data() + made;
    stream.avail_out = static_cast<uInt>(content.size() - made);
    const int status = inflate(&stream, Z_NO_FLUSH);
    packed = packed.subspan(input - stream.avail_in);
    made = content.size() - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (packed.empty()) break;
      // Several gzip files in a row are one gzip file. Anything else has no business here.
      check(packed[0] == std::byte{0x1f}, path, ": found ", packed.size(),
            " bytes behind the end of the packed data, expected none");
      inflateReset(&stream);
    } else {
      check(status != Z_BUF_ERROR, path, ": found the end of the file after ", size,
            " bytes, expected more packed data");
      check(status != Z_MEM_ERROR, path, ": no memory to unpack it");
      check(status == Z_OK, path, ": cannot unpack it: ", stream.msg ? stream.msg : "damaged data");
    }
  }
  content.resize(made);
  return content;
}

}  // namespace espalier::datasets
