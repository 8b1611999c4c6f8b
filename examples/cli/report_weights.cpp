// The weights themselves: the first layer's as pictures, all layers' as histograms.
#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "examples/charts/histogram.h"
#include "examples/charts/tiles.h"
#include "examples/cli/report_charts.h"
#include "examples/cli/report_words.h"

namespace espalier::cli {
namespace {

constexpr std::int64_t kMostTiles = 64;
constexpr std::int64_t kMostTileSide = 64;  // larger ones would be photographs
constexpr int kBins = 48;

// How the rows of a first layer's weight look as pictures [C][H][W]; C 0: they do not.
struct Look {
  std::int64_t channels = 0, height = 0, width = 0;
};

Look look_of(const Parameter& weight, const Shape& input) {
  Look look;
  if (weight.shape().rank() == 4) {
    look = {weight.size(1), weight.size(2), weight.size(3)};
  } else if (input.rank() == 3 && input[0] * input[1] * input[2] == weight.size(1)) {
    look = {input[0], input[1], input[2]};
  } else {
    const auto side = std::llround(std::sqrt(static_cast<double>(weight.size(1))));
    if (side * side == weight.size(1)) look = {1, side, side};
  }
  return std::max(look.height, look.width) > kMostTileSide ? Look() : look;
}

// Three channels as they are; others as their mean.
std::vector<float> pixels_of(const float* row, const Look& look) {
  const std::int64_t plane = look.height * look.width;
  if (look.channels == 3) return {row, row + 3 * plane};
  std::vector<float> mean(static_cast<std::size_t>(plane), 0);
  for (std::int64_t c = 0; c < look.channels; ++c)
    for (std::int64_t i = 0; i < plane; ++i)
      mean[static_cast<std::size_t>(i)] += row[c * plane + i] / static_cast<float>(look.channels);
  return mean;
}

charts::Tiles tiles_of(const Look& look, std::int64_t count) {
  charts::Tiles tiles;
  tiles.channels = look.channels == 3 ? 3 : 1;
  tiles.height = static_cast<int>(look.height), tiles.width = static_cast<int>(look.width);
  tiles.columns = static_cast<int>(std::min<std::int64_t>(count, 8));
  return tiles;
}

// Of each pixel the share of its weights that are gone.
std::vector<float> gone_of(const float* row, const Look& look) {
  const std::int64_t plane = look.height * look.width;
  std::vector<float> gone(static_cast<std::size_t>(plane), 0);
  for (std::int64_t c = 0; c < look.channels; ++c)
    for (std::int64_t i = 0; i < plane; ++i)
      if (row[c * plane + i] == 0)
        gone[static_cast<std::size_t>(i)] += 1 / static_cast<float>(look.channels);
  return gone;
}

std::string file_name(const std::string& prefix, const std::string& name) {
  std::string text = prefix + "-";
  for (const char c : name)
    text += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ? c : '-';
  return text + ".svg";
}

// The first layer of one file: what its units look like, and which of their weights are gone.
struct FilterPictures {
  charts::Tiles values, gone;
  std::vector<std::vector<float>> there;  // pixels of the units that are not gone whole
  bool partly = false;                    // whether some of these lack weights
};

FilterPictures filter_pictures(const ReportFile& file, const ReportLayer& layer,
                               const Parameter& weight, const Look& look) {
  FilterPictures result{tiles_of(look, layer.units), tiles_of(look, layer.units), {}, false};
  result.gone.channels = 1;
  result.gone.ink = true;
  const std::int64_t each = weight.numel() / weight.size(0);
  for (std::int64_t u = 0; u < std::min(layer.units, kMostTiles); ++u) {
    if (u >= weight.size(0)) {  // which ones left the network, the file does not say
      result.values.tiles.push_back({{}, "one of those that left"});
      continue;
    }
    const std::string name = layer.name + " " + std::to_string(u);
    const float* row = weight.data() + u * each;
    result.values.tiles.push_back({pixels_of(row, look), name});
    result.gone.tiles.push_back({gone_of(row, look), name});
    const auto zeros = std::count(row, row + each, 0.0F);
    if (zeros == each) continue;
    result.there.push_back(result.values.tiles.back().values);
    result.partly |= zeros > 0;
  }
  result.values.title = file.name;
  result.values.subtitle =
      with_commas(layer.units_left) + " of " + with_commas(layer.units) + " are there" +
      (layer.units > kMostTiles ? "; " + std::to_string(kMostTiles) + " are shown" : "");
  result.gone.title = file.name + ": the weights that are gone";
  result.gone.subtitle = percent_text(1 - static_cast<double>(layer.weights_left) /
                                              static_cast<double>(layer.weights)) +
                         " of " + with_commas(layer.weights);
  return result;
}

}  // namespace

ReportSection filter_section(const ReportFacts& facts) {
  ReportSection section{.title = "", .caption = "", .wide = true};
  if (facts.first().layers.empty()) return section;
  const std::string layer = facts.first().layers[0].name;
  std::vector<std::vector<std::vector<float>>> seen;  // of each picture: the units that are there
  bool partly = false, crossed = false;
  Look look;
  for (const ReportFile& file : facts.files) {
    const ReportLayer* found = find_layer(file, layer);
    if (!found || !same_network(facts.first(), file)) continue;
    const Parameter weight = layers::weight_of(file.model.find(layer));
    look = look_of(weight, file.model.input_shape());
    if (look.channels == 0) return section;
    FilterPictures pictures = filter_pictures(file, *found, weight, look);
    if (std::find(seen.begin(), seen.end(), pictures.there) != seen.end()) continue;
    seen.push_back(pictures.there);
    crossed |= found->units_left < found->units;
    section.pictures.push_back(picture(file_name("filters", file.name), pictures.values));
    if (!pictures.partly) continue;
    partly = true;
    section.pictures.push_back(picture(file_name("gone", file.name), pictures.gone));
  }
  const bool filters = facts.first().model.find(layer).type() == "Conv2d";
  section.title = filters ? "The first layer's filters" : "What the first neurons look at";
  section.caption = std::string("Each square is one ") + (filters ? "filter" : "neuron") + " of " +
                    layer + ", " + std::to_string(look.height) + "×" + std::to_string(look.width) +
                    " weights" +
                    (look.channels == 3 ? " in red, green and blue" : " from black to white") +
                    ", mid-grey where a weight is zero";
  section.caption += crossed ? "; what is gone whole is crossed out." : ".";
  if (partly) section.caption += " Orange shows which single weights are gone.";
  return section;
}

ReportSection weight_section(const ReportFacts& facts) {
  ReportSection section{
      .title = "Weights, layer by layer", .caption = "", .wide = true, .small = true};
  for (const ReportLayer& layer : facts.first().layers) {
    charts::Histogram histogram{.title = layer.name};
    struct Values {
      const float* data;
      std::int64_t size;
      std::size_t file;
    };
    std::vector<Values> all;
    double squares = 0, largest = 0;
    std::int64_t nonzero = 0;
    for (std::size_t i = 0; i < facts.files.size(); ++i) {
      const ReportFile& file = facts.files[i];
      if (!same_network(facts.first(), file) || !find_layer(file, layer.name)) continue;
      const Parameter weight = layers::weight_of(file.model.find(layer.name));
      all.push_back({weight.data(), weight.numel(), i});
      for (std::int64_t k = 0; k < weight.numel(); ++k) {
        const double w = std::abs(static_cast<double>(weight.data()[k]));
        squares += w * w, nonzero += w != 0, largest = std::max(largest, w);
      }
    }
    const double rms = nonzero ? std::sqrt(squares / static_cast<double>(nonzero)) : 1;
    histogram.limit = largest > 0 && std::isfinite(largest) ? std::min(largest, 4 * rms) : 1;
    for (const Values& values : all) {
      auto counts = charts::counts(values.data, values.size, histogram.limit, kBins);
      const std::string& name = facts.files[values.file].name;
      const auto same = std::find_if(histogram.sets.begin(), histogram.sets.end(),
                                     [&](const auto& set) { return set.counts == counts; });
      if (same == histogram.sets.end())
        histogram.sets.push_back({name, values.file, std::move(counts)});
      else
        same->name += ", " + name;
    }
    const ReportLayer* last = find_layer(facts.last(), layer.name);
    const std::int64_t left = last ? last->weights_left : 0;
    histogram.subtitle = with_commas(layer.weights) + " weights";
    if (left < layer.weights && same_network(facts.first(), facts.last()))
      histogram.subtitle +=
          ", " + percent_text(1 - static_cast<double>(left) / static_cast<double>(layer.weights)) +
          " gone";
    section.pictures.push_back(picture(file_name("weights", layer.name), std::move(histogram)));
  }
  section.caption = facts.files.size() > 1
                        ? "How many weights have which value: " + facts.first().name +
                              " as an area, the others as lines; zeros are not counted."
                        : "How many weights have which value; zeros are not counted.";
  return section;
}

}  // namespace espalier::cli
