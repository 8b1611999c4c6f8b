// espalier bench: how fast a network runs here, and how close its layers come to the processor's
// limit.
#include <algorithm>
#include <cstdio>
#include <map>

#include "core/system.h"
#include "examples/cli/bench_layers.h"
#include "examples/cli/bench_model.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/model_source.h"
#include "examples/cli/size.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  ModelSource source;
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

// One layer of a pruned network in its forms, by milliseconds of a call.
struct LayerTimes {
  std::string layer;
  bool convolution = false;
  double density = 0;
  double operations = 0;  // floating-point, of a call of the dense layer
  double dense = 0, csr = 0, compact = 0;
};

std::vector<LayerTimes> layer_times(const layers::Model& model, int batch, bool training) {
  const layers::Model expanded = model.clone();
  pruning::expand(expanded);
  std::map<std::string, LayerTimes> known;
  expanded.graph().trace(expanded.batch_shape(batch),
                         [&](layers::Module& layer, const Shape& input, const Shape& to) {
                           const auto macs = static_cast<double>(layer.macs(input).dense);
                           if (macs == 0) return;
                           // Forward, and back to the weights and, but for the first, to the input.
                           const double passes = !training ? 1 : known.empty() ? 2 : 3;
                           known[layer.name()] = {.layer = layer.name(),
                                                  .convolution = to.rank() == 4,
                                                  .operations = 2 * macs * batch * passes};
                         });
  const auto forms_of = [&](const layers::Model& one) {
    Rng rng(0);
    return pruning::choose_forms(one, Tensor::randn(one.batch_shape(batch), rng),
                                 {.training = training});
  };
  std::vector<LayerTimes> times;
  for (const auto& form : forms_of(expanded)) {
    times.push_back(known[form.layer]);
    times.back().density = form.density;
    times.back().dense = form.dense_ms;
    times.back().csr = times.back().compact = form.sparse_ms;
  }
  pruning::shrink(expanded);
  for (const auto& form : forms_of(expanded))
    for (LayerTimes& t : times)
      if (t.layer == form.layer) t.compact = form.sparse ? form.sparse_ms : form.dense_ms;
  LayerTimes sum{.layer = "all convolutions"};
  for (const LayerTimes& t : times) {
    if (!t.convolution) continue;
    sum.density += t.density * t.operations;
    sum.operations += t.operations;
    sum.dense += t.dense, sum.csr += t.csr, sum.compact += t.compact;
  }
  sum.density /= sum.operations;
  if (sum.operations > 0) times.push_back(sum);
  return times;
}

std::string table(const std::vector<LayerTimes>& times, int batch, double peak) {
  std::size_t width = 5;
  for (const LayerTimes& t : times) width = std::max(width, t.layer.size());
  const int columns = static_cast<int>(width);
  std::string text = format(
      "%-*s  density  ms dense  of the peak   ms csr  ms compact  "
      "dense / compact   (batch %d)",
      columns, "layer", batch);
  for (const LayerTimes& t : times)
    text +=
        format("\n%-*s  %5.1f %%  %8.3f      %5.1f %%  %7.3f  %10.3f  %15.2f", columns,
               t.layer.c_str(), 100 * t.density, t.dense,
               100 * t.operations / (1e-3 * t.dense * peak), t.csr, t.compact, t.dense / t.compact);
  return text;
}

Json json_of(const std::vector<LayerTimes>& times) {
  Json json = Json::array();
  for (const LayerTimes& t : times)
    json.push_back({{"layer", t.layer},
                    {"density", t.density},
                    {"dense_ms", t.dense},
                    {"csr_ms", t.csr},
                    {"compact_ms", t.compact}});
  return json;
}

Json rates(const VariantSpeed& variant, double BatchSpeed::*rate) {
  Json json = Json::object();
  for (const BatchSpeed& b : variant.batches) json[std::to_string(b.batch)] = b.*rate;
  return json;
}

Json json_of(const ModelSpeed& speed, const std::vector<PassSpeed>& layers,
             const std::string& own) {
  Json variants = Json::object(), passes = Json::array();
  const VariantSpeed* it = &speed.variants[0];
  for (const VariantSpeed& variant : speed.variants) {
    variants[variant.name] = {
        {"inference_images_per_second", rates(variant, &BatchSpeed::inference)},
        {"train_images_per_second", rates(variant, &BatchSpeed::training)}};
    if (variant.name == own) it = &variant;
  }
  for (const PassSpeed& layer : layers)
    passes.push_back({{"layer", layer.layer},
                      {"pass", name(layer.pass)},
                      {"gflops", layer.rate * 1e-9},
                      {"share", layer.share}});
  const System system = system_info();
  return {{"inference_images_per_second", rates(*it, &BatchSpeed::inference)},
          {"train_images_per_second", rates(*it, &BatchSpeed::training)},
          {"variants", variants},
          {"peak_gflops", speed.peak * 1e-9},
          {"blas_core", system.blas_core},
          {"threads", system.threads},
          {"vector_bits", system.vector_bits},
          {"layers", passes}};
}

// The variant that the model in the file is.
std::string own_variant(const layers::Model& model, const std::vector<Variant>& variants) {
  if (variants.size() == 1) return variants[0].name;
  return pruning::sparse_layers(model).empty() ? "masked" : "compact";
}

Json act(const Options& o) {
  const ModelSource& source = o.source;
  if (source.file.empty() && source.model.empty())
    throw UsageError("bench: found neither a model file nor --model, expected one of them");
  check_option(!source.file.empty() || source.data.folder.empty(), "--data", source.data.folder,
               "none without a model file");
  for (const int batch : o.batches)
    check_option(batch >= 1 && batch <= 65536, "--batch", batch, "1 to 65536");
  check_option(o.windows >= 1 && o.windows <= 1000, "--windows", o.windows, "1 to 1000");
  const layers::Model model =
      source.file.empty() ? layers::make_model(source.model, 10, 0) : load_model(source).model;
  if (kind_of(model) != "dense") answer(state_of(model));
  const int largest = *std::max_element(o.batches.begin(), o.batches.end());
  const std::vector<Variant> variants = variants_of(model, largest);
  const auto layers = bench_layers(variants[0].inference, {.batch = largest, .windows = o.windows});
  answer(table(layers, largest));
  const ModelSpeed speed = bench_models(variants, {.batches = o.batches, .windows = o.windows});
  answer("\n" + text_of(speed));
  Json json = json_of(speed, layers, own_variant(model, variants));
  if (variants.size() == 1) return json;
  json["forms"] = Json::object();
  for (const bool training : {false, true}) {
    const std::vector<LayerTimes> times = layer_times(model, largest, training);
    if (times.empty()) continue;
    const char* what = training ? "training" : "inference";
    answer("\n" + std::string(what) + "\n" + table(times, largest, speed.peak));
    json["forms"][what] = json_of(times);
  }
  return json;
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "bench", "Measure inference and training on this machine",
                                  [o](auto&) { return act(*o); });
  add_model_source(*command, o->source)->required(false);
  command->get_option("--model")->description(
      "Built-in model, in place of a file or whose weights alone the file holds");
  command->add_option("--batch", o->batches, "Pictures at a time, such as 1,16,128")
      ->delimiter(',');
  command->add_option("--windows", o->windows, "Turns of measuring, of which the median counts");
  command->footer("Example: espalier bench --model convnet --batch 1,128 --threads 2");
}

}  // namespace espalier::cli
