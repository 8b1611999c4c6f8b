// espalier sensitivity: accuracy against sparsity, one group at a time, on pictures held out of the
// training data: what is decided by it must not have seen the test pictures.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "examples/charts/chart.h"
#include "examples/cli/beside.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/model_source.h"
#include "examples/cli/progress_bar.h"
#include "examples/cli/prune_options.h"
#include "examples/cli/scoring_batches.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

constexpr std::int64_t kPictures = 1024;  // that a criterion judges by

struct Options {
  ModelSource source;
  std::string out, structure = "filter", criterion;
  std::vector<double> sparsities = pruning::SensitivityOptions().sparsities;
  double share = 0.1;
  std::int64_t images = 0, seed = 0;
};

bool one_point_each(const pruning::Sensitivity& found) {
  return std::all_of(found.lists.begin(), found.lists.end(),
                     [](const auto& list) { return list.points.size() == 1; });
}

pruning::Method method_of(const Options& o) {
  pruning::Method method;
  method.structure = pruning::structure(o.structure);
  const bool layer = method.structure == pruning::Structure::Layer;
  check_option(!layer || o.criterion.empty(), "--criterion", o.criterion,
               "none with --structure layer: each layer leaves alone");
  if (!layer)
    method.criterion = pruning::criterion(o.criterion.empty() ? "magnitude" : o.criterion);
  pruning::check_meaning(method);
  return method;
}

datasets::Dataset hold_out(datasets::Dataset& train, const Options& o) {
  const auto seed = static_cast<std::uint64_t>(o.seed);
  datasets::Dataset held = datasets::split_validation(train, o.share, seed);
  if (o.images == 0 || o.images >= held.size()) return held;
  return datasets::split_validation(
      held, static_cast<double>(o.images) / static_cast<double>(held.size()), seed);
}

// Whether rounding to whole sets alone does not explain what was achieved.
bool nearest(const pruning::Sensitivity::List& list, const pruning::Sensitivity::Point& point) {
  return std::abs(point.asked - point.achieved) * static_cast<double>(list.sets) > 0.5 + 1e-6;
}

std::string table(const pruning::Sensitivity& found) {
  constexpr std::size_t kColumn = 9;
  const auto right = [](const std::string& text, std::size_t width) {
    return std::string(width > text.size() ? width - text.size() : 1, ' ') + text;
  };
  std::size_t width = 6;
  for (const auto& list : found.lists) width = std::max(width, list.name.size());
  const bool any_before = std::any_of(found.lists.begin(), found.lists.end(),
                                      [](const auto& list) { return list.before > 0; });
  std::string text = "pruned" + std::string(width - 6, ' ') + right("sets", kColumn + 2);
  if (any_before) text += right("before", kColumn);
  const bool one = one_point_each(found);
  if (one)
    text += right("gone", kColumn) + right("accuracy", kColumn + 2);
  else
    for (const auto& point : found.lists[0].points)
      text += right(short_percent(point.asked), kColumn);
  bool marked = false;
  for (const auto& list : found.lists) {
    text += "\n" + list.name + std::string(width - list.name.size(), ' ') +
            right(with_commas(list.sets), kColumn + 2);
    if (any_before) text += right(short_percent(list.before), kColumn);
    for (const auto& point : list.points) {
      if (one) text += right(short_percent(point.achieved), kColumn) + "  ";
      const bool off = nearest(list, point);
      marked |= off;
      text += right(percent(point.accuracy, 1) + (off ? "*" : ""), kColumn);
    }
  }
  if (any_before)
    text +=
        "\nsets and sparsities are those of the original network; before: the share that had been "
        "pruned already";
  return text + (marked ? "\n* not the sparsity asked for, but the nearest there is: some had gone "
                          "before, or one has to stay"
                        : "");
}

charts::Chart chart_of(const pruning::Sensitivity& found, bool units, const std::string& subtitle) {
  const std::string part = units ? "group" : "layer";
  charts::Chart chart{
      .title = "Accuracy against sparsity, one " + part + " at a time",
      .subtitle = subtitle,
      .x = {.label = "Sparsity of the original " + part, .percent = true, .include = 0},
      .y = {.label = "Accuracy", .percent = true},
      .level = found.dense,
      .level_name = "as it came"};
  if (one_point_each(found)) {
    const double share = found.lists[0].points[0].asked;
    chart.title = "Accuracy with one " + part + " pruned";
    if (share > 0 && share < 1) chart.title += ", " + short_percent(share);
    chart.x = {.label = units ? "Group" : "Layer"};
    charts::ChartSeries marks{.line = false};
    for (const auto& list : found.lists) {
      marks.points.push_back({static_cast<double>(marks.points.size()), list.points[0].accuracy});
      chart.x.names.push_back(list.name);
    }
    chart.series.push_back(std::move(marks));
    return chart;
  }
  for (const auto& list : found.lists) {
    charts::ChartSeries series{.name = list.name, .points = {{list.before, found.dense}}};
    for (const auto& point : list.points) series.points.push_back({point.achieved, point.accuracy});
    std::sort(series.points.begin(), series.points.end(),
              [](const charts::ChartPoint& a, const charts::ChartPoint& b) { return a.x < b.x; });
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Json json_of(const pruning::Sensitivity& found) {
  Json groups = Json::array();
  for (const auto& list : found.lists) {
    Json points = Json::array();
    for (const auto& point : list.points)
      points.push_back(
          {{"asked", point.asked}, {"sparsity", point.achieved}, {"accuracy", point.accuracy}});
    groups.push_back(
        {{"name", list.name}, {"sets", list.sets}, {"before", list.before}, {"points", points}});
  }
  return groups;
}

Json act(const Options& o) {
  check_option(o.share > 0 && o.share < 1, "--share", o.share, "a number between 0 and 1");
  check_option(o.images >= 0, "--images", o.images, "1 or more, or 0 for all");
  check_option(o.seed >= 0, "--seed", o.seed, "0 or more");
  check_option(!o.sparsities.empty(), "--sparsities", "none", "at least one");
  for (const double sparsity : o.sparsities)
    check_option(sparsity >= 0 && sparsity < 1, "--sparsities", sparsity, "at least 0 and below 1");
  const pruning::Method method = method_of(o);
  const std::string out = o.out.empty() ? beside(o.source.file, ".sensitivity.svg") : o.out;
  check_option(out.ends_with(".svg"), "--out", out, "a name that ends in .svg");
  const Claim claim(out);
  auto [checkpoint, data] = load_with_data(o.source);
  pruning::expand(checkpoint.model);
  const datasets::Normalisation& normalisation = checkpoint.input->normalisation;
  const datasets::Dataset held = hold_out(data.train, o);
  const auto seed = static_cast<std::uint64_t>(o.seed);

  pruning::SensitivityOptions options{.sparsities = o.sparsities, .seed = seed};
  if (method.criterion.needs_data)
    options.batches = scoring_batches(data.train, normalisation, kPictures, seed);
  ProgressBar bar(
      "sensitivity",
      (pruning::sensitivity_points(checkpoint.model, method, options) + 1) * held.size(), "images");
  std::vector<Evaluation> evaluations;
  const pruning::Sensitivity found = pruning::sensitivity(
      checkpoint.model, method,
      [&](const layers::Model& model) {
        evaluations.push_back(evaluate(model, held, normalisation));
        bar.advance(held.size());
        return evaluations.back().accuracy();
      },
      options);

  const bool layer = method.structure == pruning::Structure::Layer;
  const std::string by = layer ? "" : " by " + method.criterion.name;
  const std::string name = checkpoint.model.name().empty() ? "network" : checkpoint.model.name();
  const std::string what = name + ", structure " + o.structure + by + ", " +
                           with_commas(held.size()) + " validation pictures of " + data.name;
  write_file(out, charts::svg(chart_of(found, pruning::is_unit(method.structure), what)));
  answer("accuracy on " + what + ": " + evaluations[0].str());
  answer(table(found));
  say(out + ": written");
  Json result{{"structure", o.structure}};
  if (!layer) result["criterion"] = method.criterion.name;
  result["accuracy"] = found.dense;
  result["accuracy_deviation"] = evaluations[0].deviation();
  result["images"] = held.size();
  result["groups"] = json_of(found);
  result["picture"] = out;
  return result;
}

}  // namespace

void add_sensitivity(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "sensitivity", "Measure accuracy with one group pruned",
                                  [o](auto&) { return act(*o); });
  add_model_source(*command, o->source);
  command->add_option("--structure", o->structure, "What goes; n:m is 2:4")
      ->check(one_of(structure_names()));
  command->add_option("--criterion", o->criterion, "By what it is judged")
      ->check(one_of(pruning::criterion_names()))
      ->default_str("magnitude");
  command
      ->add_option("--sparsities", o->sparsities,
                   "Shares of each group as the original network had it, such as 0.25,0.5,0.75")
      ->delimiter(',');
  command->add_option("--share", o->share, "Share of the training pictures to measure on");
  command->add_option("--images", o->images, "At most so many of these; 0: all");
  command->add_option("--seed", o->seed, "Which pictures are held out");
  command->add_option("--out", o->out, "Picture to write, .svg")
      ->type_name(kFile)
      ->default_str("beside the model");
  command->footer(
      "Example: espalier sensitivity convnet.safetensors --structure filter --criterion taylor");
}

}  // namespace espalier::cli
