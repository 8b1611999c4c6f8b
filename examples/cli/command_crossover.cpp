// espalier crossover: at which density a sparse layer becomes faster than the dense one, measured
// here and drawn.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/file.h"
#include "core/rng.h"
#include "examples/charts/chart.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/compaction.h"
#include "examples/cli/console.h"
#include "examples/cli/crossover.h"
#include "examples/cli/progress_bar.h"
#include "examples/cli/usage.h"
#include "layers/layers.h"

namespace espalier::cli {
namespace {

struct Options {
  std::vector<int> conv = {32, 64, 3, 16}, linear;
  std::vector<double> densities = {0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1};
  std::string judge = "inference", out = "crossover.svg";
  int batch = 128;
  std::int64_t seed = 0;
};

// A network of the one layer, with a convolution's usual ReLU behind it.
layers::Model network(const Options& o) {
  using namespace layers;
  if (!o.linear.empty())
    return Model(Sequential{{"fc", Linear(o.linear[0], o.linear[1])}}, {o.linear[0]});
  const int stride = o.conv.size() > 4 ? o.conv[4] : 1, kernel = o.conv[2];
  return Model(
      Sequential{
          {"conv", Conv2d(o.conv[0], o.conv[1],
                          {.kernel = kernel, .stride = stride, .padding = (kernel - 1) / 2})},
          {"relu", ReLU()}},
      {o.conv[0], o.conv[3], o.conv[3]});
}

CrossoverPoint measure(const Options& o, double density) {
  const layers::Model model = network(o);
  Parameter weight = model.parameters()[0];
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 0);
  // Exactly that many, drawn at random; a full layer lacks one weight, to have a choice at all.
  const auto kept = std::clamp<std::int64_t>(
      std::llround(density * static_cast<double>(weight.numel())), 1, weight.numel() - 1);
  std::fill_n(mask.begin(), kept, 1);
  Rng rng(static_cast<std::uint64_t>(o.seed));
  rng.shuffle(mask.data(), static_cast<std::uint32_t>(mask.size()));
  weight.set_mask(mask);
  const Tensor x = Tensor::randn(model.batch_shape(o.batch), rng);
  const pruning::LayerForm form =
      pruning::choose_forms(model, x, {.training = judged_by_training(o.judge)}).at(0);
  return {form.density, form.dense_ms, form.sparse_ms};
}

std::string shape_text(const Options& o) {
  char text[96];
  if (!o.linear.empty())
    std::snprintf(text, sizeof text, "linear %d -> %d", o.linear[0], o.linear[1]);
  else
    std::snprintf(text, sizeof text, "convolution %d -> %d, %dx%d, stride %d, on %dx%d", o.conv[0],
                  o.conv[1], o.conv[2], o.conv[2], o.conv.size() > 4 ? o.conv[4] : 1, o.conv[3],
                  o.conv[3]);
  return text;
}

charts::Chart chart_of(const Options& o, const std::vector<CrossoverPoint>& points) {
  charts::Chart chart;
  chart.title = "Dense or sparse";
  chart.subtitle = shape_text(o) + ", batch " + std::to_string(o.batch) + ", " +
                   (judged_by_training(o.judge) ? "a training step" : "inference") + "; " +
                   verdict(points);
  chart.x = {.label = "weights that are there", .percent = true};
  chart.y = {.label = "milliseconds", .include = 0};
  charts::ChartSeries dense{.name = "dense"}, sparse{.name = "sparse"};
  for (const CrossoverPoint& p : points) {
    dense.points.push_back({p.density, p.dense_ms});
    sparse.points.push_back({p.density, p.sparse_ms});
  }
  chart.series = {dense, sparse};
  return chart;
}

void check_sizes(const char* option, const std::vector<int>& sizes, std::size_t least,
                 std::size_t most, const char* expected) {
  const bool fine =
      sizes.size() >= least && sizes.size() <= most &&
      std::all_of(sizes.begin(), sizes.end(), [](int s) { return s >= 1 && s <= 4096; });
  std::string found;
  for (const int size : sizes) found += (found.empty() ? "" : ",") + std::to_string(size);
  check_option(fine, option, found, expected);
}

Json act(const Options& o) {
  judged_by_training(o.judge);
  check_option(o.batch >= 1 && o.batch <= 65536, "--batch", o.batch, "1 to 65536");
  check_option(o.out.ends_with(".svg"), "--out", o.out, "a name that ends in .svg");
  check_option(!o.densities.empty(), "--densities", "none", "at least one");
  for (const double density : o.densities)
    check_option(density > 0 && density <= 1, "--densities", density, "above 0 and at most 1");
  if (o.linear.empty())
    check_sizes("--conv", o.conv, 4, 5,
                "channels in, channels out, kernel, image side[, stride], each 1 to 4096");
  else
    check_sizes("--linear", o.linear, 2, 2, "features in, features out, each 1 to 4096");
  const bool two = o.linear.empty() ? o.conv[0] > 1 || o.conv[1] > 1 || o.conv[2] > 1
                                    : o.linear[0] > 1 || o.linear[1] > 1;
  check_option(two, o.linear.empty() ? "--conv" : "--linear", "a layer of one weight",
               "one of two or more");
  const Claim claim(o.out);
  std::vector<double> densities = o.densities;
  std::sort(densities.begin(), densities.end());

  std::vector<CrossoverPoint> points;
  ProgressBar bar("crossover", std::ssize(densities), "densities");
  for (const double density : densities) {
    points.push_back(measure(o, density));
    bar.advance(1);
  }
  std::string table = shape_text(o) + ", batch " + std::to_string(o.batch) + ", " + o.judge +
                      "\ndensity   ms dense  ms sparse  dense / sparse\n";
  Json json_points = Json::array();
  for (const CrossoverPoint& p : points) {
    char line[96];
    std::snprintf(line, sizeof line, "%5.1f %%  %9.3f  %9.3f  %14.2f\n", 100 * p.density,
                  p.dense_ms, p.sparse_ms, p.dense_ms / p.sparse_ms);
    table += line;
    json_points.push_back(
        {{"density", p.density}, {"dense_ms", p.dense_ms}, {"sparse_ms", p.sparse_ms}});
  }
  answer(table + verdict(points));
  write_file(o.out, charts::svg(chart_of(o, points)));
  say(o.out + ": written");
  const std::optional<double> even = break_even(points);
  return {{"layer", shape_text(o)},
          {"batch", o.batch},
          {"judge", o.judge},
          {"break_even", even ? Json(*even) : Json()},  // null: not between those measured
          {"points", json_points},
          {"picture", o.out}};
}

}  // namespace

void add_crossover(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "crossover", "Measure where sparse layers become faster",
                                  [o](auto&) { return act(*o); });
  command->add_option("--conv", o->conv, "Channels in, channels out, kernel, image side[, stride]")
      ->delimiter(',');
  command->add_option("--linear", o->linear, "Features in, features out, in place of --conv")
      ->delimiter(',');
  command->add_option("--densities", o->densities, "Shares of weights that are there")
      ->delimiter(',');
  command->add_option("--judge", o->judge, "What is timed")
      ->check(one_of({"inference", "training"}));
  command->add_option("--batch", o->batch, "Pictures at a time");
  command->add_option("--seed", o->seed, "Which weights are there");
  command->add_option("--out", o->out, "Picture to write, .svg")->type_name(kFile);
  command->footer("Example: espalier crossover --conv 32,64,3,16 --judge training");
}

}  // namespace espalier::cli
