// espalier predict: what is in these pictures?
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/predict.h"

namespace espalier::cli {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> pictures;
};

Json act(const Options& o) {
  const Checkpoint checkpoint = load_checkpoint(o.file);
  Json predictions = Json::array();
  for (const std::string& picture : o.pictures) {
    const auto guesses = predict(checkpoint, picture);
    answer(picture + ": " + text_of(guesses));
    predictions.push_back(json_of(picture, guesses));
  }
  return {{"predictions", predictions}};
}

}  // namespace

void add_predict(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "predict", "Tell the classes of pictures", [o](auto&) { return act(*o); });
  command->add_option("file", o->file, "Model file")->required();
  command->add_option("images", o->pictures, "Pictures of any size and format")->required();
  command->footer("Example: espalier predict convnet.safetensors cat.jpg truck.png");
}

}  // namespace espalier::cli
