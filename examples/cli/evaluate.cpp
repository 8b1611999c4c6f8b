// Evaluation: one pass over a data set.
#include "examples/cli/evaluate.h"

#include <cmath>
#include <cstdio>

#include "core/autograd.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "examples/cli/progress_bar.h"

namespace espalier::cli {
double Evaluation::deviation() const {
  const double share = accuracy();
  return images ? std::sqrt(share * (1 - share) / static_cast<double>(images)) : 0;
}

std::string Evaluation::str() const {
  char text[48];
  std::snprintf(text, sizeof text, "%.2f +- %.2f %%", 100 * accuracy(), 100 * deviation());
  return text;
}

Evaluation evaluate(const layers::Model& model, const datasets::Dataset& data,
                    const datasets::Normalisation& normalisation, int batch) {
  const layers::EvaluationMode mode(model);
  const NoGrad off;
  Evaluation result;
  ProgressBar bar("testing", data.size(), "images");
  double loss = 0;
  for (auto& part : datasets::epochs(
           data, 1, {.batch = batch, .shuffle = false, .normalisation = normalisation})) {
    const Tensor logits = layers::outputs_of(model, part.images);
    const auto images = static_cast<std::int64_t>(part.labels.size());
    loss += static_cast<double>(cross_entropy(logits, part.labels).item()) *
            static_cast<double>(images);
    result.correct += count_correct(logits, part.labels);
    result.images += images;
    bar.advance(images);
  }
  result.loss = result.images ? loss / static_cast<double>(result.images) : 0;
  return result;
}

}  // namespace espalier::cli
