// Summary: one line a layer, with shapes, parameters and arithmetic, found without running.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace espalier::layers {

struct LayerSummary {
  std::string name, type;
  Shape input, output;                       // for one image, batch included: [1, 32, 16, 16]
  std::int64_t parameters = 0, nonzero = 0;  // of sparse layers the values that there are
  std::int64_t weights = 0;  // parameters of convolutions and linears but for biases
  Macs macs = {};            // of convolutions and linears, for one image
};

struct Summary {
  std::vector<LayerSummary> layers;
  LayerSummary total;  // named "total", from the model's input to its output

  std::string table() const;  // as text, with a head and a line for the total
};

// For the model's own input shape, or for another: [C, H, W] or [F].
Summary summary(const Model& model);
Summary summary(const Model& model, const Shape& input);

}  // namespace espalier::layers
