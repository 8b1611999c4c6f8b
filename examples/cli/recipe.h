// Recipe: everything that decides how a network is trained, apart from network and data. It stands
// in every checkpoint, so that a resumed training goes on by the same one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "datasets/datasets.h"
#include "examples/cli/json.h"
#include "layers/layers.h"
#include "optim/optim.h"
#include "pruning/pruning.h"

namespace CLI {
class App;  // its library is large, and few files need it
}

namespace espalier::cli {

struct Recipe {
  int epochs = 12;
  int batch = 128;
  double lr = 0.1;
  std::string optimizer = "sgd";  // or "adam", "adamw"
  double momentum = 0.9;          // sgd's, Nesterov's kind
  double momentum_cycle = 0.05;   // one-cycle: how far it moves up and down, against the rate
  double weight_decay = 5e-4;
  std::string schedule = "one-cycle";
  double warmup = 0.2;  // share of the steps
  int step_every = 4;   // step: epochs from one drop of the rate to the next
  double gamma = 0.1;   // step: factor of a drop
  double label_smoothing = 0;
  double clip = 0;  // largest norm of the gradients; 0: as they are
  double ema = 0;   // decay of the weights' average, which is kept at the end; 0: none
  std::string regulariser = "none";  // a proximal step after the optimiser's
  double strength = 1e-4;            // of the regulariser
  int crop = 0;
  bool flip = false;
  std::int64_t seed = 0;  // 0 or more
};

// What the command line says; what it does not say comes from the defaults.
struct RecipeOptions {
  std::optional<int> epochs, batch, crop, step_every;
  std::optional<double> lr, momentum, momentum_cycle, weight_decay, warmup, gamma, label_smoothing,
      clip, ema, strength;
  std::optional<std::string> optimizer, schedule, regulariser;
  std::optional<bool> flip;
  std::optional<std::int64_t> seed;
};
// The learning rate's schedule may have another name where --schedule means something else.
void add_recipe_options(CLI::App& command, RecipeOptions& options,
                        const std::string& schedule = "--schedule");

// That of a built-in network on this kind of pictures: colour pictures are cropped and flipped.
Recipe default_recipe(const std::string& model, const datasets::Data& data);
// With what was said put in; a value that makes no sense is a UsageError.
Recipe with_options(const RecipeOptions& options, Recipe recipe);

Json to_json(const Recipe& recipe);
// Strict: an error that begins with `file` and names the key.
Recipe recipe_from(const Json& json, const std::string& file);

std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& recipe, const layers::Model& model);
optim::Schedule make_schedule(const Recipe& recipe);
// Of the momentum; none where it stays as it is.
std::optional<optim::Schedule> make_momentum_schedule(const Recipe& recipe);

}  // namespace espalier::cli
