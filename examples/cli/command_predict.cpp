// espalier predict: what is in these pictures?
#include <filesystem>

#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/data_options.h"
#include "examples/cli/first_layer.h"
#include "examples/cli/model_source.h"
#include "examples/cli/predict.h"
#include "examples/cli/progress_bar.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  ModelSource source;
  std::string out;
  std::vector<std::string> pictures;
};

// Where what the first layer saw goes: of several pictures to numbered files.
std::string out_of(const Options& o, std::size_t number) {
  if (o.pictures.size() == 1) return o.out;
  const std::size_t dot = o.out.rfind('.');
  return o.out.substr(0, dot) + "-" + std::to_string(number + 1) + o.out.substr(dot);
}

// What the first layer saw must not be written over a picture that was given.
void check_out(const Options& o) {
  check_option(o.out.ends_with(".png"), "--picture", o.out, "a name that ends in .png");
  for (std::size_t i = 0; i < o.pictures.size(); ++i)
    for (const std::string& picture : o.pictures) {
      std::error_code error;  // where there is no such file yet
      check_option(!std::filesystem::equivalent(out_of(o, i), picture, error), "--picture", o.out,
                   "a name that does not write over " + picture);
    }
}

Json act(const Options& o) {
  const std::int64_t most = o.source.data.max_image_pixels;
  check_max_image_pixels(most);
  if (!o.out.empty()) check_out(o);
  const Checkpoint checkpoint = load_model(o.source);
  if (!o.out.empty()) check_has_maps(checkpoint.model);
  Json predictions = Json::array();
  const bool one = o.pictures.size() == 1;
  ProgressBar bar("predicting", std::ssize(o.pictures), "pictures");
  for (std::size_t i = 0; i < o.pictures.size(); ++i) {
    const std::string& picture = o.pictures[i];
    const auto guesses = predict(checkpoint, picture, {.max_pixels = most});
    answer(picture + ":" + (one ? lines_of(guesses) : " " + text_of(guesses)));
    predictions.push_back(json_of(picture, guesses));
    if (!o.out.empty()) {
      const std::string out = out_of(o, i);
      const std::int64_t maps = write_first_layer(checkpoint, picture, out, most);
      say(out + ": written, the picture and " + std::to_string(maps) + " maps of the first layer");
      predictions.back()["picture"] = out;
    }
    bar.advance(1);
  }
  return {{"predictions", predictions}};
}

}  // namespace

void add_predict(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "predict", "Tell the classes of pictures", [o](auto&) { return act(*o); });
  add_model_source(*command, o->source);
  command->add_option("images", o->pictures, "Pictures of any size and format")
      ->required()
      ->type_name(kPicture);
  command
      ->add_option("--picture", o->out,
                   "File for what the first layer saw, .png; of several pictures the files are "
                   "numbered")
      ->type_name(kFile);
  command->footer("Example: espalier predict convnet.safetensors cat.jpg truck.png");
}

}  // namespace espalier::cli
