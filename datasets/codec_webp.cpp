// Codec: WebP by libwebp, where that was there when this was compiled (see the Makefile).
#include "core/error.h"
#include "datasets/encoded.h"

#ifdef ESPALIER_WEBP
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <utility>

namespace espalier::datasets {
namespace {

Pixels decode_file(const Encoded& file) {
  const WebPData data = {reinterpret_cast<const std::uint8_t*>(file.bytes.data()), file.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data),
                                                                     WebPDemuxDelete);
  if (!demuxer) file.fail_damaged();
  const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                     height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  file.check_size(width, height, 0);  // one colour takes no bits, however large the image
  int orientation = 1;
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk))
    orientation = exif_orientation(std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size)));
  WebPDemuxReleaseChunkIterator(&chunk);

  // A first frame may be smaller than the image; what it leaves is transparent.
  Pixels pixels = file.allocate(4, height, width);
  WebPIterator frame;
  const bool found = WebPDemuxGetFrame(demuxer.get(), 1, &frame);
  WebPDecoderConfig config;
  VP8StatusCode status = VP8_STATUS_BITSTREAM_ERROR;
  if (found && frame.complete && WebPInitDecoderConfig(&config)) {
    const std::size_t stride = 4 * static_cast<std::size_t>(width);
    const std::size_t first = static_cast<std::size_t>(frame.y_offset) * stride +
                              4 * static_cast<std::size_t>(frame.x_offset);
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels.bytes.get() + first;
    config.output.u.RGBA.stride = static_cast<int>(stride);
    config.output.u.RGBA.size = stride * static_cast<std::size_t>(height) - first;
    status = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
  }
  WebPDemuxReleaseIterator(&frame);
  if (status == VP8_STATUS_OUT_OF_MEMORY) file.fail_no_memory(width, height);
  if (status != VP8_STATUS_OK) file.fail_damaged();
  return upright(file, std::move(pixels), orientation);
}

}  // namespace

Decode* const decode_webp = decode_file;

}  // namespace espalier::datasets
#else
espalier::datasets::Decode* const espalier::datasets::decode_webp = nullptr;
#endif
