// The speed of whole models: images a second, of inference and of a training step.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace espalier::cli {

struct ModelBenchOptions {
  std::vector<int> batches = {1, 16, 128};
  int windows = 7;       // of which the median counts
  double seconds = 0.2;  // a window; at least one batch
  bool training = true;  // else inference alone
};

struct BatchSpeed {
  int batch;
  double inference, training;              // images a second; what is not measured is 0
  double inference_share, training_share;  // of the peak, by the multiply-adds that are done
};

// One of the forms in which a network is compared with itself. Which layers are sparse may depend
// on what is done with them.
struct Variant {
  std::string name;
  layers::Model inference, training;
};
struct VariantSpeed {
  std::string name;
  std::vector<BatchSpeed> batches;
};

// The model as it is; and, where weights or units of it are gone: "dense", as if none were;
// "masked"; "shrunk" without the units that are gone; "csr" with every layer sparse that can be,
// and "compact" with those that are measured to be faster so.
std::vector<Variant> variants_of(const layers::Model& model, int batch);

struct ModelSpeed {
  double peak;  // floating-point operations a second of all threads, by multiply-adds
  std::vector<VariantSpeed> variants;
};

// Inference goes from row-major pixels to the class; a training step from row-major pixels through
// loss, way back and SGD with momentum and weight decay. Random pixels. What is compared is run by
// turns, so that a busy moment of the machine hits all alike. The models stay as they are.
ModelSpeed bench_models(const std::vector<Variant>& variants,
                        const ModelBenchOptions& options = {});
std::string text_of(const ModelSpeed& speed);  // a table

}  // namespace espalier::cli
