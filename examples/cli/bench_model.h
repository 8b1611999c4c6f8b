// The speed of a whole model: images a second, of inference and of a training step.
#pragma once

#include <vector>

#include "layers/model.h"

namespace espalier::cli {

struct ModelBenchOptions {
  std::vector<int> batches = {1, 16, 128};
  int windows = 7;       // of which the median counts
  double seconds = 0.2;  // a window; at least one batch
};

struct BatchSpeed {
  int batch;
  double inference, training;              // images a second
  double inference_share, training_share;  // of the peak, by the multiply-adds of the dense layers
};

struct ModelSpeed {
  double peak;  // floating-point operations a second of all threads, by multiply-adds
  std::vector<BatchSpeed> batches;
};

// Inference goes from row-major pixels to the class; a training step from row-major pixels through
// loss, way back and SGD with momentum and weight decay. Random pixels. What is compared is run by
// turns, so that a busy moment of the machine hits all alike. The model stays as it is.
ModelSpeed bench_model(const layers::Model& model, const ModelBenchOptions& options = {});

}  // namespace espalier::cli
