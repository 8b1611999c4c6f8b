// NetworkMap: the layout; groups of several layers get a lane each, as near as there is room.
#include "examples/charts/network_map.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/text.h"

namespace espalier::charts {
namespace {

constexpr double kWidth = 420, kLeft = 4, kRow = 22, kLane = 12;
constexpr std::size_t kAlone = 5;  // the colour of layers that are coupled to none

struct Lane {
  std::size_t first, last;  // rows
  std::size_t place = 0;    // 0 is nearest to the names
  std::size_t colour = 0;
};

// By group; only of those with several layers.
std::map<std::size_t, Lane> lanes_of(const NetworkMap& map) {
  std::map<std::size_t, Lane> all;
  for (std::size_t i = 0; i < map.layers.size(); ++i)
    all.try_emplace(map.layers[i].group, Lane{i, i}).first->second.last = i;
  std::erase_if(all, [](const auto& entry) { return entry.second.first == entry.second.last; });
  std::vector<Lane*> by_row;
  for (auto& [group, lane] : all) by_row.push_back(&lane);
  std::sort(by_row.begin(), by_row.end(),
            [](const Lane* a, const Lane* b) { return a->first < b->first; });
  std::vector<std::size_t> ends;  // of each place: the row up to which it is taken
  for (std::size_t i = 0; i < by_row.size(); ++i) {
    Lane& lane = *by_row[i];
    lane.colour = i % (kColours - 1);
    while (lane.place < ends.size() && ends[lane.place] >= lane.first) ++lane.place;
    if (lane.place == ends.size()) ends.push_back(0);
    ends[lane.place] = lane.last;
  }
  return all;
}

}  // namespace

std::string svg(const NetworkMap& map, Place place) {
  const std::map<std::size_t, Lane> lanes = lanes_of(map);
  double names = 0, texts = 0, most = 1;
  std::size_t places = 0;
  const auto words_of = [](const NetworkMap::Layer& layer) {
    return layer.left == layer.units ? with_commas(layer.units)
                                     : with_commas(layer.left) + " of " + with_commas(layer.units);
  };
  for (const NetworkMap::Layer& layer : map.layers) {
    names = std::max(names, width_of(layer.name));
    texts = std::max(texts, width_of(words_of(layer)));
    most = std::max(most, std::sqrt(static_cast<double>(layer.units)));
  }
  for (const auto& [group, lane] : lanes) places = std::max(places, lane.place + 1);
  const double name_end = kLeft + kLane * static_cast<double>(places) + names;
  const double from = name_end + 10;
  const double room = std::max(40.0, kWidth - from - texts - 14);
  const double top = map.subtitle.empty() ? 40 : 60;
  const auto row = [&](std::size_t i) { return top + kRow * static_cast<double>(i); };
  std::string body;
  for (const auto& [group, lane] : lanes) {
    const double x =
        kLeft + 4 + kLane * (static_cast<double>(places) - 1 - static_cast<double>(lane.place));
    std::string path = "<path class=\"line\" d=\"M" + number(x) + " " +
                       number(row(lane.first) + 8) + "V" + number(row(lane.last) + 8) + "\"/>\n";
    for (std::size_t i = lane.first; i <= lane.last; ++i)
      if (map.layers[i].group == group)
        path += "<circle class=\"mark\" r=\"4\" cx=\"" + number(x) + "\" cy=\"" +
                number(row(i) + 8) + "\"/>\n";
    body += coloured(lane.colour, path);
  }
  for (std::size_t i = 0; i < map.layers.size(); ++i) {
    const NetworkMap::Layer& layer = map.layers[i];
    const auto found = lanes.find(layer.group);
    const double whole = room * std::sqrt(static_cast<double>(layer.units)) / most;
    const double share =
        layer.units > 0 ? static_cast<double>(layer.left) / static_cast<double>(layer.units) : 0;
    const double y = row(i);
    body += words(layer.name, name_end, y + 12, "text-anchor=\"end\"");
    if (share < 1) body += rectangle("hole", from, y + 1, whole, 14);
    if (share > 0)
      body += coloured(found == lanes.end() ? kAlone : found->second.colour,
                       rectangle("fill", from, y + 1, whole * share, 14, tip(layer.tip)));
    body += words(words_of(layer), from + whole + 6, y + 12, "class=\"soft\"");
  }
  return framed({kWidth, row(map.layers.size()) + 8, kLeft, map.title, map.subtitle, place}, body);
}

}  // namespace espalier::charts
