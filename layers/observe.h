// Observe: a look at what flows through a network, from outside. The layers know nothing of it.
#pragma once

#include <functional>
#include <string>

#include "core/tensor.h"

namespace espalier::layers {

class Model;
class Module;

// While an object of this class lives, the function sees the (first) input and the output of every
// layer of the networks that this thread runs, in order, with the layer's dotted name. Layers are
// then run one by one: none in another's pass. Of several objects the newest one sees.
class Observe {
 public:
  using Function = std::function<void(const Module& layer, const std::string& name,
                                      const Tensor& input, const Tensor& output)>;

  explicit Observe(Function see);
  ~Observe();
  Observe(const Observe&) = delete;
  Observe& operator=(const Observe&) = delete;

  static bool active();  // on this thread
  static void show(const Module& layer, const Tensor& input, const Tensor& output);

 private:
  Function see_;
  Observe* before_;
};

// For the message that ends a training: the first thing that is not finite, in the order the layers
// run: "the input", a parameter ("conv1.weight"), or a layer whose output is not ("conv1"). Empty
// where everything is finite. Runs a copy of the model, in its mode: statistics and generators stay
// as they are.
std::string first_nonfinite(const Model& model, const Tensor& input);

// The first parameter or running statistic with a value that is not finite; empty where all are.
std::string first_nonfinite(const Model& model);

}  // namespace espalier::layers
