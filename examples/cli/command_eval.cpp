// espalier eval: a network's accuracy on test pictures, its size and its arithmetic.
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/figures.h"
#include "examples/cli/model_source.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  ModelSource source;
  int batch = 128;
};

Json act(const Options& o) {
  check_option(o.batch >= 1 && o.batch <= 65536, "--batch", o.batch, "1 to 65536");
  const auto [checkpoint, data] = load_with_data(o.source);
  const Evaluation result =
      evaluate(checkpoint.model, data.test, checkpoint.input->normalisation, o.batch);
  const Size size = size_of(checkpoint.model, o.source.file);
  answer(text_of(result, size));
  return json_of(result, size);
}

}  // namespace

void add_eval(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "eval", "Measure a network's accuracy", [o](auto&) { return act(*o); });
  add_model_source(*command, o->source);
  command->add_option("--batch", o->batch, "Pictures at a time");
  command->footer("Example: espalier eval convnet.safetensors --data cifar-10-batches-bin");
}

}  // namespace espalier::cli
