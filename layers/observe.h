// Observe: a look at what flows through a network, from outside. The layers know nothing of it.
#pragma once

#include <functional>
#include <string>

#include "core/tensor.h"

namespace espalier::layers {

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

}  // namespace espalier::layers
