// The pictures of examples/charts: well-formed, as wide as what they show, and honest about zero.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/error.h"
#include "datasets/codec.h"
#include "examples/charts/bars.h"
#include "examples/charts/chart.h"
#include "examples/charts/histogram.h"
#include "examples/charts/network_map.h"
#include "examples/charts/tiles.h"
#include "tests/tempdir.h"
#include "tests/xml.h"

namespace espalier::testing {
namespace {

using charts::Place;

const std::string kHostile = "<script>alert(\"x\") & \x01\xff</script>";

// The value of the attribute in the i-th element that begins like this.
double attribute(const std::string& svg, const std::string& start, const std::string& name,
                 int i = 0) {
  std::size_t at = 0;
  for (; (at = svg.find(start, at)) != svg.npos; at += start.size())
    if (i-- == 0) break;
  REQUIRE(at != svg.npos);
  at = svg.find(" " + name + "=\"", at);
  REQUIRE(at != svg.npos);
  return std::stod(svg.substr(at + name.size() + 3));
}

void check_both(const std::string& file, const std::string& page) {
  CHECK(fault_of(file) == "");
  CHECK(fault_of(page) == "");
  CHECK(count(file, "prefers-color-scheme:dark") == 1);
  CHECK(count(page, "<style>") == 0);
  for (const std::string& svg : {file, page}) {
    CHECK(count(svg, "<script") == 0);
    CHECK(count(svg, " id=") == 0);  // any number of them may share a page
    CHECK(count(svg, "http") == 1);  // the name space
    CHECK(svg.find("nan") == svg.npos);
  }
}

// The first picture within a picture, unpacked.
datasets::Pixels embedded_png(const std::string& svg) {
  const std::string start = "base64,";
  const std::size_t begin = svg.find(start) + start.size();
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, count = 0;
  for (std::size_t i = begin; digits.find(svg[i]) != digits.npos; ++i) {
    bits = bits << 6 | static_cast<unsigned>(digits.find(svg[i]));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  const TempDir folder;
  std::ofstream(folder / "tile.png", std::ios::binary) << bytes;
  return datasets::decode(folder / "tile.png");
}

}  // namespace

TEST_CASE("charts: a bar is as long as its value, from zero on") {
  const charts::Bars bars{
      .title = kHostile,
      .groups = {{kHostile, {{"a", 4, "four", 0}, {kHostile, 1, kHostile, 7}, {"c", 0, "none", 2}}},
                 {"", {{"d", std::nan(""), "unknown", 0}, {"e", -1, "minus one", 1}}}}};
  const std::string svg = charts::svg(bars);
  check_both(svg, charts::svg(bars, Place::Page));
  CHECK(count(svg, "<rect class=\"fill\"") == 2);  // zero, unknown and negative ones have none
  const double first = attribute(svg, "<rect class=\"fill\"", "width");
  CHECK(attribute(svg, "<rect class=\"fill\"", "width", 1) ==
        doctest::Approx(first / 4).epsilon(0.01));
  for (const char* text : {"four", "none", "unknown", "minus one"})
    CHECK(svg.find(text) != svg.npos);

  charts::Bars shares{.title = "t", .groups = {{"", {{"a", 0.5, "50 %", 0}}}}, .whole = 1};
  shares.keys = {{"one", 0}, {"two", 1}};
  const std::string half = charts::svg(shares);
  CHECK(attribute(half, "<rect class=\"fill\" x", "width", 2) ==
        doctest::Approx(attribute(half, "<rect class=\"track\"", "width") / 2).epsilon(0.01));
}

TEST_CASE("charts: a histogram counts every value but zeros, the far ones at the ends") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {-9, -0.9F, -0.1F, 0, 0, 0.1F, 0.6F, 9, inf, std::nanf("")};
  const auto found = charts::counts(values.data(), static_cast<std::int64_t>(values.size()), 1, 4);
  CHECK(found == std::vector<std::int64_t>{2, 1, 1, 2});
  const charts::Histogram histogram{.title = kHostile,
                                    .subtitle = kHostile,
                                    .limit = 1,
                                    .sets = {{kHostile, 0, found}, {"b", 1, {0, 0, 0, 0}}}};
  const std::string svg = charts::svg(histogram);
  check_both(svg, charts::svg(histogram, Place::Page));
  CHECK(count(svg, "<path ") == 2);
  check_both(charts::svg(charts::Histogram{}), charts::svg(charts::Histogram{}, Place::Page));
}

TEST_CASE("charts: tiles show what is there, and cross out what is not") {
  charts::Tiles tiles{.title = kHostile, .channels = 3, .height = 1, .width = 2};
  tiles.tiles = {{{0, 1, 0, -1, 0, 0}, kHostile}, {{0, 0, 0, 0, 0, 0}, "gone"}, {{}, "left"}};
  const std::string svg = charts::svg(tiles);
  check_both(svg, charts::svg(tiles, Place::Page));
  CHECK(count(svg, "<image ") == 1);
  CHECK(count(svg, "data:image/png;base64,iVBORw0KGgo") == 1);
  CHECK(count(svg, "class=\"lead\"") == 4);
  // Zero is mid-grey, on light and on dark.
  const datasets::Pixels pixels = embedded_png(svg);
  REQUIRE(pixels.width * pixels.height * pixels.channels == 6);
  const std::vector<std::uint8_t> found(pixels.bytes.get(), pixels.bytes.get() + 6);
  CHECK(found == std::vector<std::uint8_t>{128, 128, 128, 255, 0, 128});
  tiles.tiles[0].values.pop_back();
  CHECK_THROWS_WITH_AS(charts::svg(tiles), "tiles: found 5 values, expected [3, 1, 2]", Error);
  tiles.channels = 2;
  CHECK_THROWS_AS(charts::svg(tiles), Error);
}

TEST_CASE("charts: the map links the layers of a group, and shows what is left of each") {
  charts::NetworkMap map{.title = "net"};
  map.layers = {{kHostile, 16, 8, 0, kHostile}, {"b", 16, 16, 1, ""}, {"c", 16, 0, 0, ""},
                {"d", 64, 64, 2, ""},           {"e", 64, 64, 3, ""}, {"f", 4, 4, 2, ""}};
  const std::string svg = charts::svg(map);
  check_both(svg, charts::svg(map, Place::Page));
  CHECK(count(svg, "<circle ") == 4);  // a and c, d and f
  CHECK(count(svg, "<path ") == 2);
  CHECK(count(svg, "<rect class=\"hole\"") == 2);
  CHECK(count(svg, "<rect class=\"fill\"") == 5);  // nothing is left of c
  CHECK(svg.find("8 of 16") != svg.npos);
  const double whole = attribute(svg, "<rect class=\"hole\"", "width");
  CHECK(attribute(svg, "<rect class=\"fill\"", "width") ==
        doctest::Approx(whole / 2).epsilon(0.01));
  // Both groups fit into one lane: one ends before the other begins.
  CHECK(attribute(svg, "<circle ", "cx") == attribute(svg, "<circle ", "cx", 2));
}

TEST_CASE("charts: a chart is as large as told") {
  charts::Chart chart{.title = "t", .series = {{.name = "s", .points = {{0, 1}, {1, 2}}}}};
  check_both(charts::svg(chart), charts::svg(chart, Place::Page));
  const double before = attribute(charts::svg(chart), "<svg", "width");
  chart.width -= 200;
  CHECK(attribute(charts::svg(chart), "<svg", "width") == doctest::Approx(before - 200));
}

}  // namespace espalier::testing
