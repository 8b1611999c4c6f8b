// A blocked matrix product (Goto and van de Geijn, 2008). A strip of b, kDepth rows deep and
// kStrip vectors wide, lies packed in the first-level cache while the rows of a, packed in the
// second-level cache, pass by in tiles: each element of a is broadcast and meets one row of the
// strip. What will be packed next is asked for on the way, so that memory works while sums are
// made.
#include "core/kernels/gemm_blocked.h"

#include <algorithm>
#include <utility>

#include "core/kernels/scratch.h"
#include "core/kernels/transpose.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr bool kWide = kRegisters == 32;
constexpr int kRows = kWide ? 8 : 4;  // of a tile
constexpr int kStrip = 3;             // vectors: kRows * kStrip sums in registers
constexpr int kDepth = 128;           // of a block: a strip of it takes 24 KB, or 12
constexpr int kStripColumns = kStrip * kLanes;
constexpr int kLine = 16;  // floats in a line of the caches

// The rows of a that a tile reads: element (i, k) lies at data[i * row + k * column].
struct Rows {
  const float* data;
  std::int64_t row, column;
};

// What a tile asks for: a piece of kDepth floats of each of some rows of a matrix.
struct Ahead {
  static constexpr int kPiece = kDepth / kLine;        // lines, one a step
  static constexpr int kRowsAtOnce = kDepth / kPiece;  // that a tile gets to
  const float* piece;
  std::int64_t row_stride;
};

// c[R][S vectors] = or += rows of a, times `depth` rows of a strip of b.
template <int R, int S>
void tile(const Rows& a, const float* b, int depth, float* c, std::int64_t ldc, bool add,
          bool past_caches, const Ahead& ahead) {
  if (!past_caches)
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 3
      for (int s = 0; s < S; ++s) __builtin_prefetch(c + i * ldc + s * kLanes, 1);
  Vec sum[R][S] = {};
  const auto step = [&](std::int64_t k) {
    Vec row[S];
#pragma GCC unroll 3
    for (int s = 0; s < S; ++s) {
      row[s] = load(b + k * kStripColumns + s * kLanes);
      keep_in_register(row[s]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      Vec x = broadcast(a.data[i * a.row + k * a.column]);
      keep_in_register(x);
#pragma GCC unroll 3
      for (int s = 0; s < S; ++s) sum[i][s] += x * row[s];
    }
  };
  std::int64_t k = 0;
  for (const float* piece = ahead.piece; k + Ahead::kPiece <= depth;
       k += Ahead::kPiece, piece += ahead.row_stride)
#pragma GCC unroll 8
    for (int line = 0; line < Ahead::kPiece; ++line) {
      __builtin_prefetch(piece + line * kLine);
      step(k + line);
    }
  for (; k < depth; ++k) step(k);
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 3
    for (int s = 0; s < S; ++s) {
      float* to = c + i * ldc + s * kLanes;
      if (past_caches)
        stream(to, sum[i][s]);
      else
        store_unaligned(to, add ? load_unaligned(to) + sum[i][s] : sum[i][s]);
    }
}

using TileFunction = void (*)(const Rows&, const float*, int, float*, std::int64_t, bool, bool,
                              const Ahead&);

template <int R>
TileFunction tile_for(int vectors) {
  return vectors == 1 ? tile<R, 1> : vectors == 2 ? tile<R, 2> : tile<R, 3>;
}

// The highest tile that `rows` rows hold, for a strip of so many vectors.
struct Tile {
  Tile(std::int64_t rows, int vectors) {
    height = rows >= kRows ? kRows : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
    run = height == kRows ? tile_for<kRows>(vectors)
          : height == 4   ? tile_for<4>(vectors)
          : height == 2   ? tile_for<2>(vectors)
                          : tile_for<1>(vectors);
  }
  int height;
  TileFunction run;
};

// A large result that is written once would displace what the caches hold.
bool goes_past_caches(const Product& p) {
  constexpr std::int64_t kLarge = 1 << 20;  // floats
  return !p.add && p.k <= kDepth && p.m * p.n >= kLarge && p.ldc % kLanes == 0 &&
         reinterpret_cast<std::uintptr_t>(p.c) % (kLanes * sizeof(float)) == 0;
}

// The part of c that one item computes, and the block of a and b that it is at.
struct Block {
  const Product* product;
  std::int64_t first_row, last_row, first_column, last_column;
  std::int64_t k = 0;
  int depth = 0;

  int rows() const { return static_cast<int>(last_row - first_row); }
  int strips() const {
    return static_cast<int>((last_column - first_column + kStripColumns - 1) / kStripColumns);
  }
  int columns(int strip) const {
    return static_cast<int>(
        std::min<std::int64_t>(kStripColumns, last_column - first_column - strip * kStripColumns));
  }
};

// A strip of op(b), as [depth][kStripColumns], zeros up to a whole vector.
void pack_strip(const Block& block, int strip, float* to) {
  const Product& p = *block.product;
  const std::int64_t j = block.first_column + strip * kStripColumns;
  const int columns = block.columns(strip);
  if (p.transpose_b) {
    for (int column = 0; column < columns; column += kLanes)
      for (int row = 0; row < block.depth; row += kLanes) {
        Square square = {};
        const int across = std::min(kLanes, block.depth - row);
        for (int i = 0; i < std::min(kLanes, columns - column); ++i) {
          const float* from = p.b + (j + column + i) * p.ldb + block.k + row;
          if (across == kLanes)
            square[i] = load_unaligned(from);
          else
            for (int lane = 0; lane < across; ++lane) square[i][lane] = from[lane];
        }
        transpose(square);
        for (int i = 0; i < across; ++i) store(to + (row + i) * kStripColumns + column, square[i]);
      }
    return;
  }
  for (int row = 0; row < block.depth; ++row) {
    const float* from = p.b + (block.k + row) * p.ldb + j;
    float* into = to + row * kStripColumns;
    int column = 0;
    for (; column + kLanes <= columns; column += kLanes)
      store(into + column, load_unaligned(from + column));
    if (column == columns) continue;
    for (int i = 0; i < kLanes; ++i) into[column + i] = column + i < columns ? from[column + i] : 0;
  }
}

// How a block of a lies packed: by tiles, in which the rows lie one after the other or, where a is
// transposed, side by side. The matrix itself would not do: its rows, often a power of two apart,
// displace each other in the caches.
constexpr std::int64_t kTileFloats = kDepth * kRows + kLine;

Rows packed_rows(const Product& p, const float* a, int row) {
  a += row / kRows * kTileFloats;
  return p.transpose_a ? Rows{a + row % kRows, 1, kRows}
                       : Rows{a + row % kRows * kDepth, kDepth, 1};
}

// The pieces in which a block of a is packed: each some rows of a as it is stored, which a tile has
// asked for the call before.
class Pieces {
 public:
  explicit Pieces(const Block& block)
      : block_(block),
        height_(block.product->transpose_a ? block.depth : block.rows()),
        width_(block.product->transpose_a ? block.rows() : block.depth) {}

  bool done() const { return column_ >= width_; }
  Ahead ahead() const { return {first(), block_.product->lda}; }
  void pack(float* to) {
    const int rows = std::min(Ahead::kRowsAtOnce, height_ - row_);
    const int columns = std::min(kDepth, width_ - column_);
    const float* from = first();
    for (int i = 0; i < rows; ++i, from += block_.product->lda) {
      if (!block_.product->transpose_a) {
        std::copy_n(from, columns,
                    to + (row_ + i) / kRows * kTileFloats + (row_ + i) % kRows * kDepth);
        continue;
      }
      float* into = to + column_ / kRows * kTileFloats + (row_ + i) * kRows;
      int column = 0;
      for (; column + kRows <= columns; column += kRows, into += kTileFloats)
        for (int x = 0; x < kRows; ++x) into[x] = from[column + x];
      for (int x = 0; column + x < columns; ++x) into[x] = from[column + x];
    }
    row_ += Ahead::kRowsAtOnce;
    if (row_ >= height_) row_ = 0, column_ += kDepth;
  }

 private:
  const float* first() const {
    const Product& p = *block_.product;
    const float* corner = p.transpose_a ? p.a + block_.k * p.lda + block_.first_row
                                        : p.a + block_.first_row * p.lda + block_.k;
    return corner + row_ * p.lda + column_;
  }

  const Block block_;
  int height_, width_;  // of the block as it is stored
  int row_ = 0, column_ = 0;
};

// Rows of b that will be packed next, asked for tile by tile.
class Errand {
 public:
  Errand(const float* first, std::int64_t row_stride, std::int64_t rows, std::int64_t columns)
      : first_(first), row_stride_(row_stride), rows_(rows), columns_(rows > 0 ? columns : 0) {}
  bool done() const { return column_ >= columns_; }
  Ahead take() {
    const Ahead ahead{first_ + row_ * row_stride_ + column_, row_stride_};
    row_ += Ahead::kRowsAtOnce;
    if (row_ >= rows_) row_ = 0, column_ += kDepth;
    return ahead;
  }

 private:
  const float* first_;
  std::int64_t row_stride_, rows_, columns_, row_ = 0, column_ = 0;
};

// What is prepared while a block is multiplied: the next block of a, packed into the other buffer,
// and the next part of b, brought near.
struct Next {
  Pieces a;
  float* packed;
  Errand b;
  bool asked = false;

  // Packs what the last tile asked for; says what this one is to ask for.
  Ahead step(const float* nothing) {
    if (asked) a.pack(packed);
    asked = !a.done();
    if (asked) return a.ahead();
    return b.done() ? Ahead{nothing, 0} : b.take();
  }
  void finish() {
    while (!a.done()) a.pack(packed);
    asked = false;
  }
};

void run_strip(const Block& block, int strip, const float* a, const float* b, bool past_caches,
               Next& next) {
  const Product& p = *block.product;
  const int columns = block.columns(strip), vectors = (columns + kLanes - 1) / kLanes;
  const bool add = p.add || block.k > 0;
  for (int row = 0; row < block.rows();) {
    const Tile tile(block.rows() - row, vectors);
    const Rows rows = packed_rows(p, a, row);
    const Ahead ahead = next.step(b);
    float* c = p.c + (block.first_row + row) * p.ldc + block.first_column + strip * kStripColumns;
    if (columns == vectors * kLanes) {
      tile.run(rows, b, block.depth, c, p.ldc, add, past_caches, ahead);
    } else {  // whole vectors would write beside the matrix
      alignas(64) float whole[kRows * kStripColumns];
      tile.run(rows, b, block.depth, whole, kStripColumns, false, false, ahead);
      for (int i = 0; i < tile.height; ++i)
        for (int x = 0; x < columns; ++x) {
          float& to = c[i * p.ldc + x];
          to = add ? to + whole[i * kStripColumns + x] : whole[i * kStripColumns + x];
        }
    }
    row += tile.height;
  }
}

Block next_block(const Block& block) {
  Block next = block;
  next.k += block.depth;
  next.depth = static_cast<int>(std::min<std::int64_t>(kDepth, block.product->k - next.k));
  return next;
}

// A b that is transposed lies in the memory of its strips one after the other, so each is packed
// just before its turn; one that is not lies in rows across all strips.
void run_part(Block block) {
  const Product& p = *block.product;
  const int strips = block.strips();
  constexpr std::int64_t kStripFloats = kDepth * kStripColumns;
  const std::int64_t block_floats = (block.rows() + kRows - 1) / kRows * kTileFloats;
  const Scratch<float> a(2 * block_floats), b(p.transpose_b ? kStripFloats : strips * kStripFloats);
  float *now = a.data(), *later = now + block_floats;
  const bool past_caches = goes_past_caches(p);
  block = next_block(block);  // the first: of depth 0 so far
  for (Pieces first(block); !first.done();) first.pack(now);
  for (; block.depth > 0; block = next_block(block), std::swap(now, later)) {
    const Block after = next_block(block);
    Next next{Pieces(after), later,
              Errand(p.b + after.k * p.ldb + block.first_column, p.ldb, after.depth,
                     block.last_column - block.first_column)};
    if (!p.transpose_b)
      for (int strip = 0; strip < strips; ++strip)
        pack_strip(block, strip, b.data() + strip * kStripFloats);
    for (int strip = 0; strip < strips; ++strip) {
      if (p.transpose_b) {
        pack_strip(block, strip, b.data());
        const std::int64_t beside = block.first_column + (strip + 1) * kStripColumns;
        next.b = Errand(p.b + beside * p.ldb + block.k, p.ldb,
                        strip + 1 < strips ? block.columns(strip + 1) : 0, block.depth);
      }
      run_strip(block, strip, now, b.data() + (p.transpose_b ? 0 : strip * kStripFloats),
                past_caches, next);
    }
    next.finish();
  }
  fence();
}

}  // namespace

bool suits_blocks(const Product& p) {
  // Below, what is packed is not used often enough.
  constexpr std::int64_t kLeastSide = 32;
  constexpr double kLeast = 1 << 22;  // multiply-adds
  return std::min({p.m, p.n, p.k}) >= kLeastSide &&
         static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k) >= kLeast;
}

void run_blocked(const Product& p) {
  // Cut along the longer side into parts that pay for what each packs by itself, as many for each
  // thread: three parts would take two threads as long as four.
  constexpr std::int64_t kMost = 16, kLeastRows = 64, kLeastColumns = 2 * kStripColumns;
  const bool by_rows = p.m >= p.n;
  const std::int64_t side = by_rows ? p.m : p.n, unit = by_rows ? kRows : kStripColumns;
  const std::int64_t least = by_rows ? kLeastRows : kLeastColumns, threads = num_threads();
  std::int64_t parts = std::clamp<std::int64_t>(side / (2 * least), 1, kMost);
  const std::int64_t even = (parts + threads - 1) / threads * threads;
  if (even * least <= side) parts = even;
  const std::int64_t units = (side + unit - 1) / unit;
  parallel_for(parts, [&](std::int64_t i) {
    const std::int64_t first = units * i / parts * unit;
    const std::int64_t last = std::min(units * (i + 1) / parts * unit, side);
    run_part(by_rows ? Block{&p, first, last, 0, p.n} : Block{&p, 0, p.m, first, last});
  });
}

}  // namespace espalier
