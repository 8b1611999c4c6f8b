// espalier inspect: what is in a model file, layer by layer.
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/model_source.h"
#include "examples/cli/size.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

Json json_of(const layers::LayerSummary& layer) {
  const double parameters = static_cast<double>(layer.parameters);
  return {{"name", layer.name},
          {"type", layer.type},
          {"input", layer.input.sizes()},
          {"output", layer.output.sizes()},
          {"parameters", layer.parameters},
          {"nonzero", layer.nonzero},
          {"sparsity", parameters > 0 ? 1 - static_cast<double>(layer.nonzero) / parameters : 0.0},
          {"weights", layer.weights},
          {"macs", layer.macs.dense},
          {"macs_nonzero", layer.macs.nonzero}};
}

Json act(const ModelSource& source) {
  const Checkpoint checkpoint = load_model(source, NonFinite::Warned);
  const Size size = size_of(checkpoint.model, source.file);
  const layers::Summary& summary = size.summary;
  answer(summary.table());
  answer(source.file + ": " + text_of(size));
  Json result{{"model", checkpoint.model.name()}};
  result["layers"] = Json::array();
  for (const auto& layer : summary.layers) result["layers"].push_back(json_of(layer));
  result["weights"] = summary.total.weights;
  result.update(json_of(size));
  if (checkpoint.progress) {
    result["epochs"] = checkpoint.progress->epochs_done;
    result["recipe"] = to_json(checkpoint.progress->recipe);
  }
  return result;
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto source = std::make_shared<ModelSource>();
  CLI::App* command = add_command(app, "inspect", "Show a network layer by layer",
                                  [source](auto&) { return act(*source); });
  add_model_source(*command, *source);
  command->footer("Example: espalier inspect convnet.safetensors");
}

}  // namespace espalier::cli
