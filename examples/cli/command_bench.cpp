// espalier bench: how fast a network runs here, and how close its layers come to the processor's
// limit.
#include <algorithm>
#include <cstdio>

#include "core/system.h"
#include "examples/cli/bench_layers.h"
#include "examples/cli/bench_model.h"
#include "examples/cli/checkpoint.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"

namespace espalier::cli {
namespace {

struct Options {
  std::string file, model;
  std::vector<int> batches = ModelBenchOptions().batches;
  int windows = ModelBenchOptions().windows;
};

template <class... Values>
std::string format(const char* pattern, const Values&... values) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string table(const std::vector<PassSpeed>& layers, int batch) {
  std::size_t width = 5;
  for (const PassSpeed& speed : layers) width = std::max(width, speed.layer.size());
  const int columns = static_cast<int>(width);
  std::string text =
      format("%-*s  pass              GFLOP/s  of the peak   (batch %d)", columns, "layer", batch);
  for (const PassSpeed& speed : layers)
    text += format("\n%-*s  %-16s  %7.1f      %5.1f %%", columns, speed.layer.c_str(),
                   name(speed.pass), speed.rate * 1e-9, 100 * speed.share);
  return text;
}

std::string table(const ModelSpeed& speed) {
  std::string text = "batch  inference, images/s  of the peak  training, images/s  of the peak";
  for (const BatchSpeed& b : speed.batches)
    text += format("\n%5d  %19.0f      %5.1f %%  %18.0f      %5.1f %%", b.batch, b.inference,
                   100 * b.inference_share, b.training, 100 * b.training_share);
  return text + format("\npeak: %.1f GFLOP/s of multiply-adds", speed.peak * 1e-9);
}

Json json_of(const ModelSpeed& speed, const std::vector<PassSpeed>& layers) {
  Json inference = Json::object(), training = Json::object();
  for (const BatchSpeed& b : speed.batches) {
    inference[std::to_string(b.batch)] = b.inference;
    training[std::to_string(b.batch)] = b.training;
  }
  Json passes = Json::array();
  for (const PassSpeed& layer : layers)
    passes.push_back({{"layer", layer.layer},
                      {"pass", name(layer.pass)},
                      {"gflops", layer.rate * 1e-9},
                      {"share", layer.share}});
  const System system = system_info();
  return {{"inference_images_per_second", inference},
          {"train_images_per_second", training},
          {"peak_gflops", speed.peak * 1e-9},
          {"blas_core", system.blas_core},
          {"threads", system.threads},
          {"vector_bits", system.vector_bits},
          {"layers", passes}};
}

Json act(const Options& o) {
  if (o.file.empty() == o.model.empty())
    throw UsageError("bench: found " + std::string(o.file.empty() ? "neither" : "both") +
                     " a model file and --model, expected one of them");
  for (const int batch : o.batches)
    check_option(batch >= 1 && batch <= 65536, "--batch", batch, "1 to 65536");
  check_option(o.windows >= 1 && o.windows <= 1000, "--windows", o.windows, "1 to 1000");
  const layers::Model model =
      o.model.empty() ? load_checkpoint(o.file).model : layers::make_model(o.model, 10, 0);
  const int largest = *std::max_element(o.batches.begin(), o.batches.end());
  const auto layers = bench_layers(model, {.batch = largest, .windows = o.windows});
  answer(table(layers, largest));
  const ModelSpeed speed = bench_model(model, {.batches = o.batches, .windows = o.windows});
  answer("\n" + table(speed));
  return json_of(speed, layers);
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "bench", "Measure inference and training on this machine",
                                  [o](auto&) { return act(*o); });
  command->add_option("file", o->file, "Model file");
  command->add_option("--model", o->model, "Built-in model, in place of a file");
  command->add_option("--batch", o->batches, "Pictures at a time, such as 1,16,128")
      ->delimiter(',');
  command->add_option("--windows", o->windows, "Turns of measuring, of which the median counts");
  command->footer("Example: espalier bench --model convnet --batch 1,128 --threads 2");
}

}  // namespace espalier::cli
