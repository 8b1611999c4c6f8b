// Orders of taps, and what is kept of them.
#include "core/kernels/sparse_taps.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/error.h"
#include "core/parallel.h"

namespace espalier {
namespace {

struct Kept final : SparsePattern::Derived {
  explicit Kept(const SparsePattern&) {}
  struct Entry {
    TapGeometry geometry;
    std::shared_ptr<const TapOrder> order;
  };
  std::vector<Entry> entries;
  std::optional<bool> in_fours;
};

// As many as a network with inputs of a few sizes needs; the oldest goes first.
constexpr std::size_t kMostKept = 32;

// Calls f(position, row, channel, y, x) for each tap of the geometry: y and x say how far from the
// position it reads, in pixels.
template <class F>
void each_tap(const SparsePattern& pattern, const TapGeometry& g, const F& f) {
  const auto kernel_h = static_cast<int>(pattern.dense()[2]);
  const auto kernel_w = static_cast<int>(pattern.dense()[3]);
  const int taps = kernel_h * kernel_w;
  const int channels = static_cast<int>(pattern.dense()[1]);  // of a group
  const int rows = static_cast<int>(pattern.rows()) / g.groups;
  const auto columns = pattern.columns();
  for (int o = 0; o < pattern.rows(); ++o)
    for (std::uint32_t i = pattern.row_starts()[o]; i < pattern.row_starts()[o + 1]; ++i) {
      const int c = o / rows * channels + static_cast<int>(columns[i]) / taps;
      const int tap = static_cast<int>(columns[i]) % taps;
      const int down = tap / kernel_w * g.dilation_y, right = tap % kernel_w * g.dilation_x;
      if (!g.transposed) {
        f(i, o, c, down - g.top, right - g.left);
        continue;
      }
      const int y = g.phase_y + g.top - down, x = g.phase_x + g.left - right;
      if (y % g.stride_y == 0 && x % g.stride_x == 0) f(i, c, o, y / g.stride_y, x / g.stride_x);
    }
}

bool rows_in_fours(const SparsePattern& pattern) {
  if (pattern.rows() % 4) return false;
  const auto starts = pattern.row_starts();
  const auto row = [&](std::int64_t o) {
    return pattern.columns().subspan(starts[o], starts[o + 1] - starts[o]);
  };
  for (std::int64_t o = 0; o < pattern.rows(); ++o)
    if (!std::ranges::equal(row(o), row(o / 4 * 4))) return false;
  return true;
}

}  // namespace

TapOrder::TapOrder(const SparsePattern& pattern, const TapGeometry& g)
    : rows(static_cast<int>(g.transposed ? pattern.dense()[1] * g.groups : pattern.dense()[0])),
      part_channels(g.part_channels) {
  const auto channels =
      static_cast<int>(g.transposed ? pattern.dense()[0] : pattern.dense()[1] * g.groups);
  check(channels * g.channel <= std::numeric_limits<std::int32_t>::max(),
        "sparse convolution: found an image of ", channels * g.channel,
        " floats a lane block, expected fewer than 2^31");
  parts = (channels + g.part_channels - 1) / g.part_channels;
  // Counted, then placed: one after the other fills the place that its row has in its part.
  std::vector<std::uint32_t> next(static_cast<std::size_t>(parts) * (rows + 1) + 1);
  const auto place = [&](int row, int channel) -> std::uint32_t& {
    return next[static_cast<std::size_t>(channel / g.part_channels) * (rows + 1) + row + 1];
  };
  each_tap(pattern, g,
           [&](std::uint32_t, int row, int channel, int, int) { ++place(row, channel); });
  for (std::size_t i = 1; i < next.size(); ++i) next[i] += next[i - 1];
  starts_.assign(next.begin(), next.end() - 1);
  offsets.resize(next.back() + kTapsBeyond);
  positions.resize(next.back());
  next.insert(next.begin(), 0);  // counts become starts
  each_tap(pattern, g, [&](std::uint32_t i, int row, int channel, int y, int x) {
    const std::uint32_t to = place(row, channel)++;
    offsets[to] = static_cast<std::int32_t>(channel * g.channel + y * g.row + x * g.pixel);
    positions[to] = i;
  });
}

std::shared_ptr<const TapOrder> tap_order(const SparsePattern& pattern, const TapGeometry& g) {
  return pattern.derived<Kept>([&](Kept& kept) {
    auto& entries = kept.entries;
    for (const Kept::Entry& entry : entries)
      if (entry.geometry == g) return entry.order;
    if (entries.size() == kMostKept) entries.erase(entries.begin());
    entries.push_back({g, std::make_shared<const TapOrder>(pattern, g)});
    return entries.back().order;
  });
}

Tensor pack_taps(const TapOrder& order, const Tensor& values) {
  Tensor packed = Tensor::empty({order.count() + kTapsBeyond, 2});
  static_assert(sizeof(Tap) == 2 * sizeof(float));
  auto* to = reinterpret_cast<Tap*>(packed.mutable_data());
  const float* from = values.data();
  parallel_ranges(order.count(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      to[i] = {{from[order.positions[i]]}, order.offsets[i]};
  });
  std::fill_n(to + order.count(), kTapsBeyond, Tap{});
  return packed;
}

bool in_fours(const SparsePattern& pattern) {
  return pattern.derived<Kept>([&](Kept& kept) {
    if (!kept.in_fours) kept.in_fours = rows_in_fours(pattern);
    return *kept.in_fours;
  });
}

Tensor pack_fours(const TapOrder& order, const Tensor& values) {
  static_assert(sizeof(TapOfFour) == 5 * sizeof(float));
  Tensor packed = Tensor::empty({order.count() / 4 + kTapsBeyond, 5});
  auto* to = reinterpret_cast<TapOfFour*>(packed.mutable_data());
  const float* from = values.data();
  for (int part = 0; part < order.parts; ++part)
    for (int row = 0; row < order.rows; row += 4) {
      const std::uint32_t* starts = order.starts(part) + row;
      for (std::uint32_t i = 0; i < starts[1] - starts[0]; ++i, ++to) {
        for (int k = 0; k < 4; ++k) to->weight[k] = from[order.positions[starts[k] + i]];
        to->offset = order.offsets[starts[0] + i];
      }
    }
  std::fill_n(to, kTapsBeyond, TapOfFour{});
  return packed;
}

}  // namespace espalier
