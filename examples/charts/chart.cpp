// Chart: the layout, and SVG.
#include "examples/charts/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "examples/charts/chart_axis.h"

namespace espalier::charts {
namespace {

constexpr double kFont = 12, kLabel = 15;  // pixels; a line of labels takes kLabel
constexpr double kPlotWidth = 560, kPlotHeight = 380;
constexpr const char* kColours[] = {"c0", "c1", "c2", "c3", "c4", "c5"};
constexpr const char* kLines[] = {"line", "line d1", "line d2", "line d3"};

// After Okabe and Ito (2008), whose colours stay apart for the colour-blind; made darker or lighter
// until each stands out by at least 3 : 1 from its background.
constexpr const char* kStyle = R"(<style>
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.soft{fill:#57606a}.back{fill:#fff}
.grid{stroke:#d8dee4}.axis{stroke:#57606a}.lead{stroke:#afb8c1}.level{stroke:#57606a}
.line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.mark{fill:currentColor}.stem{stroke:currentColor;stroke-width:2;stroke-opacity:.5}
.c0{color:#0072b2}.c1{color:#d55e00}.c2{color:#008a64}.c3{color:#b0518f}.c4{color:#a87400}
.c5{color:#555}.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:8 3 2 3}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.soft{fill:#9da7b3}.back{fill:#0d1117}
.grid{stroke:#2b323b}.axis{stroke:#9da7b3}.lead{stroke:#56606b}.level{stroke:#9da7b3}
.c0{color:#56b4e9}.c1{color:#ff8a4c}.c2{color:#2cc79a}.c3{color:#e59bc6}.c4{color:#f0c14b}
.c5{color:#c0c0c0}}
</style>
)";

// Valid UTF-8 without what XML gives a meaning or does not allow.
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

// Nobody here knows the reader's font: a width that sans-serif letters stay below.
double width_of(const std::string& text, double font = kFont) {
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

// `more`: further attributes.
std::string words(const std::string& text, double x, double y, const std::string& more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + (more.empty() ? "" : " ") +
         more + ">" + escaped(text) + "</text>\n";
}

std::string value_text(const ChartAxis& axis, double value) {
  if (!axis.names.empty()) return axis.names[static_cast<std::size_t>(std::lround(value))];
  char text[32];
  std::snprintf(text, sizeof text, axis.percent ? "%.2f %%" : "%.6g",
                axis.percent ? 100 * value : value);
  return text;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    for (const ChartSeries& series : chart.series)
      for (const ChartPoint& point : series.points)
        if (drawable(point)) xs_.push_back(point.x), ys_.push_back(point.y);
    check(!xs_.empty(), "chart: found no point that can be drawn, expected at least one");
    include(chart.x, chart.x.include, xs_);
    include(chart.y, chart.y.include, ys_);
    include(chart.y, chart.level, ys_);
    measure();
  }

  std::string str() {
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width_) +
                       "\" height=\"" + number(height_) + "\" viewBox=\"0 0 " + number(width_) +
                       " " + number(height_) + "\" role=\"img\" aria-label=\"" +
                       escaped(chart_.title) + "\">\n" + kStyle +
                       "<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n";
    text += words(chart_.title, left_, 26, "class=\"title\"");
    text += words(chart_.subtitle, left_, 46, "class=\"soft\"");
    text += axes();
    if (std::isfinite(chart_.level))
      text += "<g stroke-dasharray=\"5 4\">" +
              line("level", left_, y_->place(chart_.level), right_, y_->place(chart_.level)) +
              "</g>\n";
    for (std::size_t i = 0; i < chart_.series.size(); ++i) text += series(i);
    return text + labels() + "</svg>\n";
  }

 private:
  struct Label {
    std::string name;
    double x, y;                       // where its line ends
    std::optional<std::size_t> index;  // of the series; none for the level
  };

  bool drawable(const ChartPoint& point) const {
    const bool named =
        chart_.x.names.empty() ||
        (point.x >= 0 && std::lround(point.x) < static_cast<long>(chart_.x.names.size()));
    return named && Scale::drawable(chart_.x, point.x) && Scale::drawable(chart_.y, point.y);
  }

  static void include(const ChartAxis& axis, double value, std::vector<double>& values) {
    if (Scale::drawable(axis, value)) values.push_back(value);
  }

  // The margins, from what stands in them, and with them the scales.
  void measure() {
    double widest = 0;
    std::size_t ends = std::isfinite(chart_.level) && !chart_.level_name.empty();
    if (ends) widest = width_of(chart_.level_name);
    for (const ChartSeries& series : chart_.series)
      if (!series.name.empty()) ++ends, widest = std::max(widest, width_of(series.name));
    top_ = 66;
    bottom_ = top_ + std::max(kPlotHeight, static_cast<double>(ends) * kLabel);
    const int marks = static_cast<int>((bottom_ - top_) / 55);
    double numbers = 0;
    const Scale trial(chart_.y, ys_, 0, 1, marks);
    for (const double mark : trial.marks()) numbers = std::max(numbers, width_of(trial.text(mark)));
    left_ = 40 + numbers;
    right_ = left_ + kPlotWidth;
    double names = 0;
    for (const std::string& name : chart_.x.names) names = std::max(names, width_of(name));
    tilted_ = names > kPlotWidth / std::max<double>(1, static_cast<double>(chart_.x.names.size()));
    under_ = tilted_ ? 0.6 * names + 18 : 22;
    height_ = bottom_ + under_ + 34;
    width_ = std::max({right_ + (ends ? 44 + widest : 24), left_ + width_of(chart_.title, 17) + 16,
                       left_ + width_of(chart_.subtitle) + 16});
    x_.emplace(chart_.x, xs_, left_, right_, 8);
    y_.emplace(chart_.y, ys_, bottom_, top_, marks);
  }

  std::string axes() const {
    std::string text;
    for (const double mark : y_->marks()) {
      const double y = y_->place(mark);
      text += line("grid", left_, y, right_, y);
      text += words(y_->text(mark), left_ - 8, y + 4, "text-anchor=\"end\"");
    }
    for (const double mark : x_->marks()) {
      const double x = x_->place(mark);
      text += line("axis", x, bottom_, x, bottom_ + 5);
      const std::string turn = "text-anchor=\"end\" transform=\"rotate(-35 " + number(x) + " " +
                               number(bottom_ + 16) + ")\"";
      text += words(x_->text(mark), x, bottom_ + (tilted_ ? 16 : 20),
                    tilted_ ? turn : "text-anchor=\"middle\"");
    }
    text += line("axis", left_, bottom_, right_, bottom_);
    text += words(chart_.x.label, (left_ + right_) / 2, bottom_ + under_ + 20,
                  "class=\"soft\" text-anchor=\"middle\"");
    const double middle = (top_ + bottom_) / 2;
    return text + words(chart_.y.label, 18, middle,
                        "class=\"soft\" text-anchor=\"middle\" transform=\"rotate(-90 18 " +
                            number(middle) + ")\"");
  }

  // Circle, square, triangle, diamond, in turn.
  static std::string mark(std::size_t index, double x, double y, const std::string& inside = "") {
    const auto at = [&](double dx, double dy) {
      return number(x + dx) + "," + number(y + dy) + " ";
    };
    std::string shape = "<polygon class=\"mark\" points=\"";
    switch (index % 4) {
      case 0:
        shape = "<circle class=\"mark\" r=\"3.5\" cx=\"" + number(x) + "\" cy=\"" + number(y);
        break;
      case 1:
        shape += at(-3, -3) + at(3, -3) + at(3, 3) + at(-3, 3);
        break;
      case 2:
        shape += at(0, -4) + at(4, 3) + at(-4, 3);
        break;
      default:
        shape += at(0, -4.5) + at(4.5, 0) + at(0, 4.5) + at(-4.5, 0);
    }
    return shape + (inside.empty()
                        ? "\"/>\n"
                        : "\">" + inside + "</" + (index % 4 ? "polygon" : "circle") + ">\n");
  }

  static std::string coloured(std::size_t index, const std::string& inside) {
    return std::string("<g class=\"") + kColours[index % std::size(kColours)] + "\">\n" + inside +
           "</g>\n";
  }

  std::string series(std::size_t index) {
    const ChartSeries& series = chart_.series[index];
    std::string path, marks;
    bool down = false;  // whether the pen is
    const ChartPoint* last = nullptr;
    for (const ChartPoint& point : series.points) {
      if (!drawable(point)) {
        down = false;
        continue;
      }
      const double x = x_->place(point.x), y = y_->place(point.y);
      if (series.line)
        path += (down ? 'L' : 'M') + number(x) + ' ' + number(y);
      else if (std::isfinite(chart_.level))
        marks += line("stem", x, y_->place(chart_.level), x, y);
      const std::string name = series.name.empty() ? "" : series.name + ": ";
      marks += mark(
          index, x, y,
          "<title>" +
              escaped(name + value_text(chart_.x, point.x) + ", " + value_text(chart_.y, point.y)) +
              "</title>");
      down = true;
      last = &point;
    }
    if (!last) return "";
    if (!series.name.empty())
      labels_.push_back({series.name, x_->place(last->x), y_->place(last->y), index});
    const char* style = kLines[index / std::size(kColours) % std::size(kLines)];
    if (!path.empty()) path = std::string("<path class=\"") + style + "\" d=\"" + path + "\"/>\n";
    return coloured(index, path + marks);
  }

  // Beside the plot, each with a thin line to the end that it names.
  std::string labels() {
    if (std::isfinite(chart_.level) && !chart_.level_name.empty())
      labels_.push_back({chart_.level_name, right_, y_->place(chart_.level), {}});
    std::stable_sort(labels_.begin(), labels_.end(),
                     [](const Label& a, const Label& b) { return a.y < b.y; });
    std::vector<double> wanted;
    for (const Label& label : labels_) wanted.push_back(label.y);
    const std::vector<double> places = spread(wanted, kLabel, top_, bottom_);
    std::string text;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const Label& label = labels_[i];
      const double x = right_ + 22;
      text += line("lead", label.x + 5, label.y, x - 6, places[i]);
      if (label.index) text += coloured(*label.index, mark(*label.index, x, places[i]));
      text += words(label.name, label.index ? x + 9 : x - 2, places[i] + 4);
    }
    return text;
  }

  const Chart& chart_;
  std::vector<double> xs_, ys_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0, under_ = 0, width_ = 0, height_ = 0;
  bool tilted_ = false;
  std::optional<Scale> x_, y_;
  std::vector<Label> labels_;
};

}  // namespace

std::string svg(const Chart& chart) { return Drawing(chart).str(); }

}  // namespace espalier::charts
