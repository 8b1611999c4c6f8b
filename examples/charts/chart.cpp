// Chart: the layout, and SVG.
#include "examples/charts/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <optional>

#include "core/error.h"
#include "examples/charts/chart_axis.h"

namespace espalier::charts {
namespace {

constexpr double kLabel = 15;  // pixels that a line of labels takes
constexpr const char* kLines[] = {"line", "line d1", "line d2", "line d3"};

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

  std::string str(Place place) {
    std::string text = axes();
    if (std::isfinite(chart_.level))
      text += "<g stroke-dasharray=\"5 4\">" +
              line("level", left_, y_->place(chart_.level), right_, y_->place(chart_.level)) +
              "</g>\n";
    for (std::size_t i = 0; i < chart_.series.size(); ++i) text += series(i);
    return framed({width_, height_, left_, chart_.title, chart_.subtitle, place}, text + labels());
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
    bottom_ = top_ + std::max(chart_.height, static_cast<double>(ends) * kLabel);
    const int marks = static_cast<int>((bottom_ - top_) / 55);
    double numbers = 0;
    const Scale trial(chart_.y, ys_, 0, 1, marks);
    for (const double mark : trial.marks()) numbers = std::max(numbers, width_of(trial.text(mark)));
    left_ = 40 + numbers;
    right_ = left_ + chart_.width;
    double names = 0;
    for (const std::string& name : chart_.x.names) names = std::max(names, width_of(name));
    tilted_ =
        names > chart_.width / std::max<double>(1, static_cast<double>(chart_.x.names.size()));
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
      marks +=
          mark(index, x, y,
               tip(name + value_text(chart_.x, point.x) + ", " + value_text(chart_.y, point.y)));
      down = true;
      last = &point;
    }
    if (!last) return "";
    if (!series.name.empty())
      labels_.push_back({series.name, x_->place(last->x), y_->place(last->y), index});
    const char* style = kLines[index / kColours % std::size(kLines)];
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

std::string svg(const Chart& chart, Place place) { return Drawing(chart).str(place); }

}  // namespace espalier::charts
