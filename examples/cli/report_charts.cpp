// Size and speed, sparsity and the map: from facts to charts.
#include "examples/cli/report_charts.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "examples/charts/bars.h"
#include "examples/charts/network_map.h"
#include "examples/cli/report_words.h"
#include "pruning/candidates.h"

namespace espalier::cli {
namespace {

std::string share_of(double value, double first) {
  return first > 0 ? " (" + ratio_text(value / first) + ")" : "";
}

// One bar a file, from its value, and what share of the first file's that is.
template <class Value, class Text>
charts::BarGroup group_of(const ReportFacts& facts, const std::string& name, const Value& value,
                          const Text& text) {
  charts::BarGroup group{.name = name};
  const auto first = static_cast<double>(value(facts.first()));
  for (std::size_t i = 0; i < facts.files.size(); ++i) {
    const auto v = static_cast<double>(value(facts.files[i]));
    group.bars.push_back({.name = facts.files[i].name,
                          .value = v,
                          .text = text(value(facts.files[i])) + (i ? share_of(v, first) : ""),
                          .colour = i});
  }
  return group;
}

}  // namespace

bool same_network(const ReportFile& first, const ReportFile& file) {
  return std::all_of(file.layers.begin(), file.layers.end(), [&](const ReportLayer& layer) {
    const ReportLayer* once = find_layer(first, layer.name);
    return once && once->weights == layer.weights && once->units == layer.units;
  });
}

const ReportLayer* find_layer(const ReportFile& file, const std::string& name) {
  const auto found = std::find_if(file.layers.begin(), file.layers.end(),
                                  [&](const ReportLayer& layer) { return layer.name == name; });
  return found == file.layers.end() ? nullptr : &*found;
}

ReportSection size_section(const ReportFacts& facts) {
  ReportSection section{.title = "Size and speed", .caption = ""};
  charts::Bars size{.title = "Size"}, speed{.title = "Work and time"};
  size.groups = {
      group_of(
          facts, "Bytes on disk", [](const ReportFile& f) { return f.bytes; }, bytes_text),
      group_of(
          facts, "Bytes in memory when it runs", [](const ReportFile& f) { return f.memory; },
          bytes_text),
      group_of(
          facts, "Weights that are not zero", [](const ReportFile& f) { return f.weights_left(); },
          count_text)};
  speed.groups = {group_of(
      facts, "Multiply-adds that are run for a picture",
      [](const ReportFile& f) { return f.macs_run; }, count_text)};
  if (facts.batch > 0) {
    const std::string pictures = std::to_string(facts.batch) + " pictures";
    speed.groups.push_back(group_of(
        facts, "Answering " + pictures, [](const ReportFile& f) { return ms_of(*f.speed); },
        ms_text));
    if (facts.training)
      speed.groups.push_back(group_of(
          facts, "A training step on " + pictures,
          [](const ReportFile& f) { return ms_of(*f.speed, true); }, ms_text));
  }
  const bool masked = std::any_of(facts.files.begin(), facts.files.end(),
                                  [](const ReportFile& f) { return f.kind == "masked"; });
  section.caption = facts.files.size() > 1 ? "All bars begin at zero; in brackets the share of " +
                                                 facts.first().name + "'s."
                                           : "All bars begin at zero.";
  if (masked) section.caption += " Masks alone save neither work nor bytes; espalier compact does.";
  section.caption +=
      facts.batch > 0
          ? " Times are medians of networks run by turns, of batches on this machine: " +
                facts.system + "."
          : " Time was not measured.";
  section.pictures = {picture("size.svg", std::move(size)), picture("speed.svg", std::move(speed))};
  return section;
}

ReportSection sparsity_section(const ReportFacts& facts) {
  ReportSection section{.title = "What is gone, layer by layer", .caption = ""};
  charts::Bars bars{.title = "Weights gone, by layer", .whole = 1};
  const auto gone = [](const ReportLayer* layer, const ReportLayer& once) {
    const auto all = static_cast<double>(std::max<std::int64_t>(once.weights, 1));
    return layer ? 1 - static_cast<double>(layer->weights_left) / all : 1.0;
  };
  // Files of which every layer lacks the same share are one bar; where nothing is gone, none.
  struct Shown {
    std::string names;
    std::size_t colour;
    std::vector<double> shares;
  };
  std::vector<Shown> shown;
  std::string whole;
  for (std::size_t i = 0; i < facts.files.size(); ++i) {
    const ReportFile& file = facts.files[i];
    if (!same_network(facts.first(), file)) continue;
    std::vector<double> shares;
    for (const ReportLayer& layer : facts.first().layers)
      shares.push_back(gone(find_layer(file, layer.name), layer));
    if (std::all_of(shares.begin(), shares.end(), [](double s) { return s <= 0; })) {
      whole += (whole.empty() ? "" : ", ") + file.name;
      continue;
    }
    const auto same = std::find_if(shown.begin(), shown.end(),
                                   [&](const Shown& s) { return s.shares == shares; });
    if (same != shown.end())
      same->names += ", " + file.name;
    else
      shown.push_back({file.name, i, shares});
  }
  if (shown.empty()) return section;
  for (const Shown& s : shown) bars.keys.push_back({s.names, s.colour});
  const auto& layers = facts.first().layers;
  std::size_t most = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    charts::BarGroup group;
    for (const Shown& s : shown)
      group.bars.push_back({.name = group.bars.empty() ? layers[l].name : "",
                            .value = s.shares[l],
                            .text = percent_text(s.shares[l]),
                            .colour = s.colour});
    bars.groups.push_back(std::move(group));
    if (shown.back().shares[l] > shown.back().shares[most]) most = l;
  }
  section.caption = "Most is gone of " + layers[most].name + ": " +
                    percent_text(shown.back().shares[most]) + " of its " +
                    with_commas(layers[most].weights) + " weights." +
                    (whole.empty() ? "" : " Of " + whole + " nothing is gone in any layer.");
  section.pictures.push_back(picture("sparsity.svg", std::move(bars)));
  return section;
}

ReportSection map_section(const ReportFacts& facts) {
  const ReportFile &first = facts.first(), &last = facts.last();
  const bool same = same_network(first, last);
  charts::NetworkMap map{.title = "Filters and neurons, from top to bottom"};
  const std::vector<pruning::Group> groups = pruning::groups(first.model);
  bool coupled = false, fewer = false;
  for (const ReportLayer& layer : first.layers) {
    const ReportLayer* now = same ? find_layer(last, layer.name) : &layer;
    charts::NetworkMap::Layer row{layer.name, layer.units, now ? now->units_left : 0,
                                  groups.size() + map.layers.size(), layer.name};
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const auto& producers = groups[g].producers;
      if (std::find(producers.begin(), producers.end(), layer.name) == producers.end()) continue;
      row.group = g;
      coupled |= producers.size() > 1;
      if (!groups[g].fixed.empty()) row.tip += ", all stay: " + groups[g].fixed;
    }
    fewer |= row.left < row.units;
    map.layers.push_back(row);
  }
  ReportSection section{.title = "The network", .caption = ""};
  section.caption = coupled ? "Layers on one line are coupled: what is added needs the same "
                              "channels, so a channel leaves all of them or none."
                            : "No two layers are coupled: each may lose units by itself.";
  section.caption += fewer ? " The hollow part of a bar is what is gone."
                           : " Every unit has at least one weight left.";
  section.caption += " A length goes by the root of the number, a colour by the group.";
  section.pictures.push_back(picture("network.svg", std::move(map)));
  return section;
}

std::vector<ReportSection> report_sections(const ReportFacts& facts) {
  std::vector<ReportSection> sections = {accuracy_section(facts), sparsity_section(facts),
                                         size_section(facts),     map_section(facts),
                                         filter_section(facts),   weight_section(facts)};
  std::erase_if(sections, [](const ReportSection& s) { return s.pictures.empty(); });
  return sections;
}

}  // namespace espalier::cli
