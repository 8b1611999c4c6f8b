// Bars: the layout.
#include "examples/charts/bars.h"

#include <algorithm>
#include <cmath>

namespace espalier::charts {
namespace {

constexpr double kLeft = 4, kHeading = 22, kBetween = 8;

double bar_value(const Bar& bar) {
  return std::isfinite(bar.value) && bar.value > 0 ? bar.value : 0;
}

// The keys, in as many lines as they take; y is moved below them.
std::string keys_of(const Bars& bars, double& y) {
  std::string text;
  double x = kLeft;
  for (const Bars::Key& key : bars.keys) {
    const double wide = 16 + width_of(key.name) + 14;
    if (x > kLeft && x + wide > bars.width) x = kLeft, y += 18;
    text += coloured(key.colour, rectangle("fill", x, y + 1, 10, 10));
    text += words(key.name, x + 16, y + 10);
    x += wide;
  }
  if (!bars.keys.empty()) y += 26;
  return text;
}

}  // namespace

std::string svg(const Bars& bars, Place place) {
  double names = 0, texts = 0;
  std::size_t most = 1;
  for (const BarGroup& group : bars.groups) {
    most = std::max(most, group.bars.size());
    for (const Bar& bar : group.bars) {
      names = std::max(names, width_of(bar.name));
      texts = std::max(texts, width_of(bar.text));
    }
  }
  const double from = kLeft + (names > 0 ? names + 8 : 0);
  const double room = std::max(40.0, bars.width - from - texts - 14);
  const double thick = 13, step = 17;
  double y = bars.subtitle.empty() ? 40 : 60;
  std::string body = keys_of(bars, y);
  for (const BarGroup& group : bars.groups) {
    if (!group.name.empty()) {
      body += words(group.name, kLeft, y + 12, "class=\"strong\"");
      y += kHeading;
    }
    double whole = bars.whole;
    if (!std::isfinite(whole)) {
      whole = 0;
      for (const Bar& bar : group.bars) whole = std::max(whole, bar_value(bar));
    }
    for (const Bar& bar : group.bars) {
      const double share = whole > 0 ? std::min(1.0, bar_value(bar) / whole) : 0;
      if (!bar.name.empty())
        body += words(bar.name, from - 8, y + 11, "class=\"soft\" text-anchor=\"end\"");
      if (std::isfinite(bars.whole)) body += rectangle("track", from, y, room, thick);
      if (bar_value(bar) > 0)  // a sliver is seen as one
        body += coloured(bar.colour, rectangle("fill", from, y, std::max(1.0, share * room), thick,
                                               tip(bar.name + " " + bar.text)));
      const double end = std::isfinite(bars.whole) ? room : share * room;
      body += words(bar.text, from + end + 6, y + 11);
      y += step;
    }
    y += group.name.empty() && most == 1 ? 1 : kBetween;
  }
  return framed({bars.width, y + 8, kLeft, bars.title, bars.subtitle, place}, body);
}

}  // namespace espalier::charts
