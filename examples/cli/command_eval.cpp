// espalier eval: a network's accuracy on test pictures, its size and its arithmetic.
#include "examples/cli/checkpoint.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/figures.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  std::string file, data, model;
  int batch = 128;
};

Json act(const Options& o) {
  check_option(o.batch >= 1 && o.batch <= 65536, "--batch", o.batch, "1 to 65536");
  const datasets::Data data = find_data(o.data);
  const Checkpoint checkpoint =
      load_checkpoint(o.file, o.model, static_cast<int>(data.test.classes.size()),
                      {data.test.channels, data.test.height, data.test.width});
  check_fits(checkpoint.model, data, o.file);
  const auto normalisation =
      checkpoint.input ? checkpoint.input->normalisation : datasets::normalisation(data.train);
  const Evaluation result = evaluate(checkpoint.model, data.test, normalisation, o.batch);
  const Size size = size_of(checkpoint.model, o.file);
  answer(text_of(result, size));
  return json_of(result, size);
}

}  // namespace

void add_eval(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "eval", "Measure a network's accuracy", [o](auto&) { return act(*o); });
  command->add_option("file", o->file, "Model file")->required()->type_name(kFile);
  command->add_option("--data", o->data, "Folder with CIFAR, MNIST or class folders of pictures")
      ->type_name(kFolder);
  command->add_option("--batch", o->batch, "Pictures at a time");
  command->add_option("--model", o->model, "Built-in model whose weights alone the file holds")
      ->check(one_of(model_names()));
  command->footer("Example: espalier eval convnet.safetensors --data cifar-10-batches-bin");
}

}  // namespace espalier::cli
