// SVG: the style, and elements as text.
#include "examples/charts/svg.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace espalier::charts {

// After Okabe and Ito (2008), whose colours stay apart for the colour-blind; made darker or lighter
// until each stands out by at least 3 : 1 from its background.
std::string style() {
  return R"(<style>
.chart text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.chart .title{font-size:16px;font-weight:600}.chart .strong{font-weight:600}
.chart .soft{fill:#57606a}.chart .back{fill:#fff}.chart .small{font-size:11px}
.chart .grid{stroke:#d8dee4}.chart .axis{stroke:#57606a}.chart .lead{stroke:#afb8c1}
.chart .level{stroke:#57606a}.chart .track{fill:#e4e8ec}
.chart .hole{fill:#fff;stroke:#afb8c1;stroke-dasharray:3 2}
.chart .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.chart .thin{fill:none;stroke:currentColor;stroke-width:1.2;stroke-linejoin:round}
.chart .area{fill:currentColor;fill-opacity:.25}.chart .fill{fill:currentColor}
.chart .mark{fill:currentColor}.chart .stem{stroke:currentColor;stroke-width:2;stroke-opacity:.5}
.chart .c0{color:#0072b2}.chart .c1{color:#d55e00}.chart .c2{color:#008a64}
.chart .c3{color:#b0518f}.chart .c4{color:#a87400}.chart .c5{color:#555}
.chart .d1{stroke-dasharray:7 3}.chart .d2{stroke-dasharray:2 3}
.chart .d3{stroke-dasharray:8 3 2 3}.chart image{image-rendering:pixelated}
@media (prefers-color-scheme:dark){
.chart text{fill:#e6edf3}.chart .soft{fill:#9da7b3}.chart .back{fill:#0d1117}
.chart .grid{stroke:#2b323b}.chart .axis{stroke:#9da7b3}.chart .lead{stroke:#56606b}
.chart .level{stroke:#9da7b3}.chart .track{fill:#242b34}
.chart .hole{fill:#0d1117;stroke:#56606b}
.chart .c0{color:#56b4e9}.chart .c1{color:#ff8a4c}.chart .c2{color:#2cc79a}
.chart .c3{color:#e59bc6}.chart .c4{color:#f0c14b}.chart .c5{color:#c0c0c0}}
</style>
)";
}

std::string escaped(const std::string& text) {
  using nlohmann::json;
  const std::string valid =
      json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
          .get<std::string>();
  std::string result;
  for (const char c : valid) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result;
}

double width_of(const std::string& text, double font) {
  const auto letters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // bytes that begin one
  });
  return 0.58 * font * static_cast<double>(letters);
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string line(const char* style, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(style) + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) +
         "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
}

std::string rectangle(const char* style, double x, double y, double width, double height,
                      const std::string& inside) {
  return "<rect class=\"" + std::string(style) + "\" x=\"" + number(x) + "\" y=\"" + number(y) +
         "\" width=\"" + number(width) + "\" height=\"" + number(height) +
         (inside.empty() ? "\"/>\n" : "\">" + inside + "</rect>\n");
}

std::string words(const std::string& text, double x, double y, const std::string& more) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + (more.empty() ? "" : " ") +
         more + ">" + escaped(text) + "</text>\n";
}

std::string tip(const std::string& text) { return "<title>" + escaped(text) + "</title>"; }

std::string coloured(std::size_t i, const std::string& inside) {
  return "<g class=\"c" + std::to_string(i % kColours) + "\">\n" + inside + "</g>\n";
}

std::string framed(const Frame& frame, const std::string& body) {
  const std::string seen =
      frame.title + (frame.subtitle.empty() ? std::string() : ": " + frame.subtitle);
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"" +
                     number(frame.width) + "\" height=\"" + number(frame.height) +
                     "\" viewBox=\"0 0 " + number(frame.width) + " " + number(frame.height) +
                     "\" role=\"img\" aria-label=\"" +
                     escaped(frame.label.empty() ? seen : frame.label) + "\">\n";
  if (frame.place == Place::File) text += style();
  text += "<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n";
  if (!frame.title.empty()) text += words(frame.title, frame.left, 26, "class=\"title\"");
  if (!frame.subtitle.empty()) text += words(frame.subtitle, frame.left, 46, "class=\"soft\"");
  return text + body + "</svg>\n";
}

}  // namespace espalier::charts
