// SVG: what all pictures share: their style, their text, and the frame that makes them stand alone
// or within a page.
#pragma once

#include <cstddef>
#include <string>

namespace espalier::charts {

// A picture in a file of its own brings its style along; within a page that has style() once, it
// need not. There are no ids, so that any number of pictures can share a page.
enum class Place { File, Page };

// Rules for what is in an element of the class "chart", in a light and a dark scheme.
std::string style();

// Valid UTF-8 without what XML gives a meaning or does not allow.
std::string escaped(const std::string& text);

// Nobody here knows the reader's font: a width that sans-serif letters stay below.
constexpr double kFont = 12;  // pixels
double width_of(const std::string& text, double font = kFont);

std::string number(double value);  // of pixels: "12.5"

// Elements. `more`: further attributes; `inside`: content, as SVG.
std::string line(const char* style, double x1, double y1, double x2, double y2);
std::string rectangle(const char* style, double x, double y, double width, double height,
                      const std::string& inside = "");
std::string words(const std::string& text, double x, double y, const std::string& more = "");
std::string tip(const std::string& text);  // shown where the mouse rests
// In the i-th of the colours, which come again after kColours of them.
constexpr std::size_t kColours = 6;
std::string coloured(std::size_t i, const std::string& inside);

// The whole picture: a background, the title and, below it, the subtitle, if any, and the body.
struct Frame {
  double width = 0, height = 0, left = 16;  // left: where the titles begin
  std::string title = {}, subtitle = {};
  Place place = Place::File;
  std::string label = {};  // for those who do not see it; empty: title and subtitle
};
std::string framed(const Frame& frame, const std::string& body);

}  // namespace espalier::charts
