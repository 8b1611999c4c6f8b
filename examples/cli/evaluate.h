// Evaluation: right answers and loss over a data set.
#pragma once

#include <functional>

#include "datasets/datasets.h"
#include "layers/layers.h"

namespace espalier::cli {

struct Evaluation {
  std::int64_t images = 0, correct = 0;
  double loss = 0;  // cross-entropy, the mean over all pictures

  double accuracy() const {
    return images ? static_cast<double>(correct) / static_cast<double>(images) : 0;
  }
  double deviation() const;  // of the accuracy, as a binomial share
  std::string str() const;   // "79.64 +- 0.40 %"
};

// In evaluation mode and without the tape; the model's mode is then as it was before.
Evaluation evaluate(const layers::Model& model, const datasets::Dataset& data,
                    const datasets::Normalisation& normalisation, int batch = 128);

}  // namespace espalier::cli
