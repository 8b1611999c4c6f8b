// Recipe: defaults, options and JSON.
#include "examples/cli/recipe.h"

#include <cmath>

#include "core/error.h"
#include "examples/cli/console.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

// Shows every field under its name: the one list that options, JSON and checks go by.
template <class R, class See>
void fields(R& recipe, const See& see) {
  see("epochs", recipe.epochs);
  see("batch", recipe.batch);
  see("lr", recipe.lr);
  see("optimizer", recipe.optimizer);
  see("momentum", recipe.momentum);
  see("momentum_cycle", recipe.momentum_cycle);
  see("weight_decay", recipe.weight_decay);
  see("schedule", recipe.schedule);
  see("warmup", recipe.warmup);
  see("step_every", recipe.step_every);
  see("gamma", recipe.gamma);
  see("label_smoothing", recipe.label_smoothing);
  see("clip", recipe.clip);
  see("ema", recipe.ema);
  see("crop", recipe.crop);
  see("flip", recipe.flip);
  see("seed", recipe.seed);
  see("regulariser", recipe.regulariser);
  see("strength", recipe.strength);
}

void check_recipe(const Recipe& r) {
  const auto finite_from_zero = [](double x) { return x >= 0 && std::isfinite(x); };
  const auto share = [](double x) { return x >= 0 && x < 1; };
  check_option(r.epochs >= 1 && r.epochs <= 100000, "--epochs", r.epochs, "1 to 100000");
  check_option(r.batch >= 1 && r.batch <= 65536, "--batch", r.batch, "1 to 65536");
  check_option(r.lr > 0 && std::isfinite(r.lr), "--lr", r.lr, "a finite number above 0");
  check_option(r.optimizer == "sgd" || r.optimizer == "adam" || r.optimizer == "adamw",
               "--optimizer", r.optimizer, "sgd, adam or adamw");
  check_option(share(r.momentum), "--momentum", r.momentum, "0 or more and less than 1");
  check_option(r.momentum_cycle >= 0 && r.momentum - r.momentum_cycle >= 0 &&
                   r.momentum + r.momentum_cycle < 1,
               "--momentum-cycle", r.momentum_cycle, "a momentum that stays from 0 to 1");
  check_option(finite_from_zero(r.weight_decay), "--weight-decay", r.weight_decay,
               "a finite number of at least 0");
  std::string names;
  bool known = false;
  for (const std::string& name : optim::schedule_names()) {
    names += (names.empty() ? "one of " : ", ") + name;
    known = known || name == r.schedule;
  }
  check_option(known, "--schedule", r.schedule, names);
  check_option(r.warmup >= 0 && r.warmup <= 1, "--warmup", r.warmup, "0 to 1");
  check_option(r.step_every >= 1, "--step-every", r.step_every, "1 or more");
  check_option(r.gamma > 0 && r.gamma <= 1, "--gamma", r.gamma, "above 0, 1 at most");
  check_option(share(r.label_smoothing), "--label-smoothing", r.label_smoothing,
               "0 or more and less than 1");
  check_option(finite_from_zero(r.clip), "--clip", r.clip, "a finite number of at least 0");
  check_option(share(r.ema), "--ema", r.ema, "0 or more and less than 1");
  check_option(r.seed >= 0, "--seed", r.seed, "0 or more");
  check_option(finite_from_zero(r.strength), "--strength", r.strength,
               "a finite number of at least 0");
  try {
    if (r.regulariser != "none") pruning::penalty(r.regulariser);
  } catch (const Error& error) {
    throw UsageError("--regulariser: " + std::string(error.what()));
  }
  check_option(r.crop >= 0 && r.crop <= 1024, "--crop", r.crop, "0 to 1024");
}

}  // namespace

void add_recipe_options(CLI::App& command, RecipeOptions& o, const std::string& schedule) {
  // What is not said comes from elsewhere: from the network and the data, or the dense training.
  const bool tuning = schedule != "--schedule";
  const Recipe usual;
  const auto number = [](double value) { return Json(value).dump(); };
  const auto stays = [&](const std::string& value) {
    return tuning ? "as in the training" : value;
  };
  command.option_defaults()->group("Training");
  command.add_option("--epochs", o.epochs, "Passes over the training pictures")
      ->default_str(tuning ? "4; 0: none; from first weights as in the training"
                           : "12, LeNets 20, VGG and ResNets 30");
  command.add_option("--batch", o.batch, "Pictures a step")
      ->default_str(stays(std::to_string(usual.batch)));
  command.add_option("--lr", o.lr, "Highest learning rate")
      ->default_str(tuning ? "three tenths of the training's, from first weights as there"
                           : number(usual.lr) + ", adam 0.001");
  command.add_option("--seed", o.seed, "Seed of first weights, order and augmentation")
      ->default_str(stays("0"));
  command.add_option("--optimizer", o.optimizer, "Optimiser")
      ->check(one_of({"sgd", "adam", "adamw"}))
      ->default_str(stays(usual.optimizer));
  command.add_option("--momentum", o.momentum, "Nesterov momentum of sgd; 0: none")
      ->default_str(stays(number(usual.momentum)));
  command
      .add_option("--momentum-cycle", o.momentum_cycle,
                  "How far one-cycle moves the momentum up and down")
      ->default_str(number(tuning ? 0 : usual.momentum_cycle));
  command.add_option("--weight-decay", o.weight_decay, "Weight decay")
      ->default_str(stays(number(usual.weight_decay)));
  command.add_option(schedule, o.schedule, "How the rate goes")
      ->check(one_of(optim::schedule_names()))
      ->default_str(tuning ? "cosine" : usual.schedule);
  command.add_option("--warmup", o.warmup, "Share of the steps in which the rate grows")
      ->default_str(number(tuning ? 0 : usual.warmup));
  command.add_option("--step-every", o.step_every, "Epochs between drops of the step schedule")
      ->default_str(stays(std::to_string(usual.step_every)));
  command.add_option("--gamma", o.gamma, "Factor of a drop of the step schedule")
      ->default_str(stays(number(usual.gamma)));
  command.add_option("--label-smoothing", o.label_smoothing, "Share spread over all classes")
      ->default_str(stays("0"));
  command.add_option("--clip", o.clip, "Largest norm of the gradients; 0: as they are")
      ->default_str(tuning ? "as in the training" : "0, convnet and LeNets 2");
  command.add_option("--ema", o.ema, "Decay of an average of the weights, kept at the end")
      ->default_str(stays("none"));
  command.add_option("--regulariser", o.regulariser, "Pull on the weights")
      ->check(one_of({"none", "l0", "l1", "filter-l1", "group-lasso", "bn-l1"}))
      ->default_str(stays(usual.regulariser));
  command.add_option("--strength", o.strength, "Of the regulariser")
      ->default_str(stays(number(usual.strength)));
  command.add_option("--crop", o.crop, "Pixels that pictures are shifted by at random, mirrored")
      ->default_str(stays("4, of grey pictures 0"));
  command.add_option("--flip", o.flip, "Whether pictures are mirrored at random")
      ->default_str(stays("of colour pictures"));
  command.option_defaults()->group("Options");
}

Recipe default_recipe(const std::string& model, const datasets::Data& data) {
  Recipe recipe;
  if (data.train.channels >= 3) {
    recipe.crop = 4;
    recipe.flip = true;
  }
  // Without batch norm the loss now and then jumps while the rate is near its highest: of ConvNets
  // one in four lost half a point by it, and a short training of LeNet-5 ended in NaN.
  if (model == "convnet" || model.starts_with("lenet")) recipe.clip = 2;
  if (model.starts_with("lenet")) recipe.epochs = 20;
  if (model.starts_with("vgg") || model.starts_with("resnet")) recipe.epochs = 30;
  return recipe;
}

Recipe with_options(const RecipeOptions& o, Recipe r) {
  const auto put = [](const auto& given, auto& value) {
    if (given) value = *given;
  };
  // What only says again what holds has no consequences.
  const bool other_optimizer = o.optimizer && *o.optimizer != r.optimizer,
             other_schedule = o.schedule && *o.schedule != r.schedule,
             other_momentum = o.momentum && *o.momentum != r.momentum;
  put(o.epochs, r.epochs);
  put(o.batch, r.batch);
  put(o.lr, r.lr);
  put(o.seed, r.seed);
  put(o.optimizer, r.optimizer);
  put(o.momentum, r.momentum);
  put(o.momentum_cycle, r.momentum_cycle);
  put(o.weight_decay, r.weight_decay);
  put(o.schedule, r.schedule);
  put(o.warmup, r.warmup);
  put(o.step_every, r.step_every);
  put(o.gamma, r.gamma);
  put(o.label_smoothing, r.label_smoothing);
  put(o.clip, r.clip);
  put(o.ema, r.ema);
  put(o.regulariser, r.regulariser);
  put(o.strength, r.strength);
  put(o.crop, r.crop);
  put(o.flip, r.flip);
  if (other_optimizer && r.optimizer != "sgd" && !o.lr) r.lr = 1e-3;
  if (other_schedule && r.schedule != "one-cycle" && !o.warmup) r.warmup = 0;
  const bool cycles = r.optimizer == "sgd" && r.schedule == "one-cycle";
  if (!o.momentum_cycle && (!cycles || other_momentum)) r.momentum_cycle = 0;
  check_recipe(r);
  return r;
}

Json to_json(const Recipe& recipe) {
  Json json;
  fields(recipe, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

Recipe recipe_from(const Json& json, const std::string& file) {
  Recipe recipe;
  try {
    fields(recipe, [&](const std::string& name, auto& value) {
      // Files from before there were regularisers say nothing of them.
      const bool later = name == "regulariser" || name == "strength";
      if (!later || json.contains(name)) json.at(name).get_to(value);
    });
    check_recipe(recipe);
  } catch (const Json::exception&) {
    fail(file, ": found a recipe that cannot be read, expected one written by this program");
  } catch (const UsageError& error) {
    fail(file, ": recipe: ", error.what());
  }
  return recipe;
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& r, const layers::Model& model) {
  if (r.optimizer == "adam")
    return std::make_unique<optim::Adam>(
        model, optim::AdamOptions{.lr = r.lr, .weight_decay = r.weight_decay});
  if (r.optimizer == "adamw")
    return std::make_unique<optim::AdamW>(
        model, optim::AdamWOptions{.lr = r.lr, .weight_decay = r.weight_decay});
  return std::make_unique<optim::SGD>(model, optim::SGDOptions{.lr = r.lr,
                                                               .momentum = r.momentum,
                                                               .nesterov = r.momentum > 0,
                                                               .weight_decay = r.weight_decay});
}

optim::Schedule make_schedule(const Recipe& r) {
  return optim::schedule(r.schedule, {.lr = r.lr,
                                      .epochs = r.epochs,
                                      .warmup = r.warmup,
                                      .every = r.step_every,
                                      .gamma = r.gamma});
}

std::optional<optim::Schedule> make_momentum_schedule(const Recipe& r) {
  if (r.momentum_cycle == 0 || r.optimizer != "sgd" || r.schedule != "one-cycle") return {};
  return optim::cycle_momentum({.low = r.momentum - r.momentum_cycle,
                                .high = r.momentum + r.momentum_cycle,
                                .warmup = r.warmup});
}

}  // namespace espalier::cli
