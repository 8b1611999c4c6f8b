// Shapes: what the ten figures are, and how a picture is put together.
#include "datasets/shapes.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "datasets/open.h"

namespace espalier::datasets {
namespace {

constexpr int kSide = 32, kArea = kSide * kSide;

bool within(int u, int v, int radius) { return u * u + v * v <= radius * radius; }

// A star is what lies inside four at least of the five lines through its points.
bool in_star(int u, int v) {
  constexpr int kNormals[5][2] = {{0, -1000}, {951, -309}, {588, 809}, {-588, 809}, {-951, -309}};
  int inside = 0;
  for (const auto& n : kNormals) inside += n[0] * u + n[1] * v <= 340 * 1000;
  return inside >= 4;
}

// ---- Drawing -----------------------------------------------------------------
struct Colour {
  int channel[3];
};

struct Canvas {
  int value[3][kArea];  // 0 to 255
};

// Where a figure lies, in eighths of a pixel.
struct Place {
  int x, y, radius;
  int cos, sin;  // of its turn, in 4096ths
};

int between(int low, int high, Rng& rng) {
  return low + static_cast<int>(rng.below(static_cast<std::uint32_t>(high - low + 1)));
}

// An angle by the tangent of its half, which is rational: no sine that differs in its last bit.
void turn(Place& place, Rng& rng) {
  const int t = between(-256, 256, rng);  // up to 28 degrees
  const int one = 1 << 20, square = t * t;
  place.cos = static_cast<int>(std::int64_t{4096} * (one - square) / (one + square));
  place.sin = static_cast<int>(std::int64_t{4096} * (2048 * t) / (one + square));
}

// Each pixel takes the colour as far as a figure covers its 16 sample points: covers(u, v) says
// whether it does a point, in thousandths of its radius from its middle.
template <auto covers>
void draw(Canvas& canvas, const Place& place, const Colour& colour) {
  const int reach = place.radius * 6 / 5;  // a checker's corners lie beyond the radius
  const auto pixels = [&](int middle) {    // that the figure may touch: [first, last)
    return std::pair(std::clamp((middle - reach) / 8, 0, kSide),
                     std::clamp((middle + reach) / 8 + 1, 0, kSide));
  };
  const int along = place.cos * 1000 / place.radius, across = place.sin * 1000 / place.radius;
  const auto [left, right] = pixels(place.x);
  const auto [top, bottom] = pixels(place.y);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      int covered = 0;
      for (int sample = 0; sample < 16; ++sample) {
        const int dx = 8 * x + 2 * (sample % 4) + 1 - place.x;
        const int dy = 8 * y + 2 * (sample / 4) + 1 - place.y;
        const int u = (dx * along + dy * across) / 4096;
        const int v = (dy * along - dx * across) / 4096;
        covered += covers(u, v);
      }
      for (int c = 0; c < 3; ++c) {
        int& value = canvas.value[c][y * kSide + x];
        value = (value * (16 - covered) + colour.channel[c] * covered + 8) / 16;
      }
    }
}

// One copy of the loops for each figure, so that the choice is not made anew at every point.
struct Figure {
  const char* name;
  void (*draw)(Canvas& canvas, const Place& place, const Colour& colour);
};
constexpr Figure kClasses[] = {
    {"circle", draw<[](int u, int v) { return within(u, v, 900); }>},
    {"square", draw<[](int u, int v) { return std::max(std::abs(u), std::abs(v)) <= 760; }>},
    {"triangle",
     draw<[](int u, int v) { return v >= -500 && 866 * std::abs(u) + 500 * v <= 500 * 1000; }>},
    {"cross", draw<[](int u, int v) {
       const auto [low, high] = std::minmax({std::abs(u), std::abs(v)});
       return low <= 260 && high <= 950;
     }>},
    {"ring", draw<[](int u, int v) { return within(u, v, 950) && !within(u, v, 540); }>},
    {"star", draw<in_star>},
    {"diamond",
     draw<[](int u, int v) { return 1000 * std::abs(u) + 560 * std::abs(v) <= 560 * 1000; }>},
    {"stripes", draw<[](int u, int v) { return within(u, v, 950) && ((u + 950) / 380) % 2 == 0; }>},
    {"checker", draw<[](int u, int v) {
       return std::max(std::abs(u), std::abs(v)) < 840 &&
              ((u + 840) / 420 + (v + 840) / 420) % 2 == 0;
     }>},
    {"crescent", draw<[](int u, int v) { return within(u, v, 950) && !within(u - 420, v, 800); }>},
};
constexpr auto draw_bar =  // a scrap only
    draw<[](int u, int v) { return std::abs(u) <= 1000 && std::abs(v) <= 170; }>;

// ---- Pictures ----------------------------------------------------------------
Colour colour_between(int low, int high, Rng& rng) {
  Colour colour;
  for (int& channel : colour.channel) channel = between(low, high, rng);
  return colour;
}

// A ground shaded between the colours of its four corners.
void paint_ground(Canvas& canvas, const Colour& middle, Rng& rng) {
  constexpr int kLast = kSide - 1;
  for (int c = 0; c < 3; ++c) {
    int corner[4];
    for (int& value : corner) value = middle.channel[c] + between(-40, 40, rng);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        canvas.value[c][y * kSide + x] = ((corner[0] * (kLast - x) + corner[1] * x) * (kLast - y) +
                                          (corner[2] * (kLast - x) + corner[3] * x) * y) /
                                         (kLast * kLast);
  }
}

void draw_scrap(Canvas& canvas, Rng& rng) {
  const bool bar = rng.below(2) != 0;
  Place place = {between(0, 8 * kSide, rng), between(0, 8 * kSide, rng),
                 bar ? between(20, 56, rng) : between(10, 22, rng), 0, 0};
  turn(place, rng);
  (bar ? draw_bar : kClasses[0].draw)(canvas, place, colour_between(0, 255, rng));
}

// The figure differs from the ground in every channel, by little or by much.
Colour contrasting(const Colour& ground, Rng& rng) {
  Colour colour;
  const int contrast = between(50, 130, rng);
  for (int c = 0; c < 3; ++c) {
    const int difference = between(contrast / 2, contrast, rng);
    colour.channel[c] = ground.channel[c] + (rng.below(2) ? difference : -difference);
  }
  return colour;
}

void draw_picture(const Figure& figure, Rng rng, std::uint8_t* to) {
  Canvas canvas;
  const Colour ground = colour_between(50, 205, rng);
  paint_ground(canvas, ground, rng);
  for (int scraps = between(0, 3, rng); scraps > 0; --scraps) draw_scrap(canvas, rng);
  const int radius = between(72, 116, rng), margin = radius * 7 / 8;
  Place place = {between(margin, 8 * kSide - margin, rng), between(margin, 8 * kSide - margin, rng),
                 radius, 0, 0};
  turn(place, rng);
  figure.draw(canvas, place, contrasting(ground, rng));
  if (rng.below(2)) draw_scrap(canvas, rng);
  // Bits that are 1 among 64: mean 32, standard deviation 4, and all but normal.
  const int noise = between(2, 14, rng);
  for (int c = 0; c < 3; ++c)
    for (int p = 0; p < kArea; ++p) {
      const int bits = std::popcount(rng.next()) - 32;
      *to++ = static_cast<std::uint8_t>(std::clamp(canvas.value[c][p] + bits * noise / 4, 0, 255));
    }
}

// Streams of the seed: even for pictures to train on, odd for the test.
Dataset make(std::int64_t count, std::uint64_t seed, std::uint64_t first_stream) {
  check(count > 0, "shapes: found ", count, " pictures, expected at least one");
  Dataset set = {.channels = 3, .height = kSide, .width = kSide};
  for (const Figure& figure : kClasses) set.classes.emplace_back(figure.name);
  reserve_images(set, count, "shapes");
  set.labels.resize(static_cast<std::size_t>(count));
  set.images.resize(static_cast<std::size_t>(count * set.picture_size()));
  parallel_ranges(count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      set.labels[i] = static_cast<std::int32_t>(i % std::ssize(kClasses));
      draw_picture(kClasses[set.labels[i]],
                   Rng(seed).split(2 * static_cast<std::uint64_t>(i) + first_stream),
                   set.images.data() + i * set.picture_size());
    }
  });
  return set;
}

}  // namespace

Data shapes(const ShapesOptions& options) {
  Data data = {.name = "shapes",
               .train = make(options.train, options.seed, 0),
               .test = make(options.test, options.seed, 1)};
  normalise_alike(data);
  return data;
}

void write_shapes(const std::string& folder, const ShapesOptions& options) {
  write_cifar10(folder, shapes(options));
}

}  // namespace espalier::datasets
