// The speed of every convolution and linear layer of a model by itself, each pass apart, beside the
// multiply-add peak of the same moment.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace espalier::cli {

enum class Pass { Forward, BackwardData, BackwardWeights };
const char* name(Pass pass);

struct PassSpeed {
  std::string layer;
  Pass pass;
  double operations;  // floating-point, of the dense layer, on the whole batch
  double rate;        // operations a second
  double share;       // of the peak
};

struct LayerBenchOptions {
  int batch = 128;
  int windows = 15;       // of which the median counts
  double seconds = 0.02;  // a window, of the pass and of the peak each; at least one call
};

// A batch of random images runs forward through each layer, on the tape, and back to its input and
// to its weights. The first layer has no way back to its input. The model stays as it is.
std::vector<PassSpeed> bench_layers(const layers::Model& model,
                                    const LayerBenchOptions& options = {});

}  // namespace espalier::cli
