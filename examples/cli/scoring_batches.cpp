// Scoring batches: some batches of one epoch.
#include "examples/cli/scoring_batches.h"

#include <algorithm>

namespace espalier::cli {

std::vector<pruning::Examples> scoring_batches(const datasets::Dataset& train,
                                               const datasets::Normalisation& normalisation,
                                               std::int64_t pictures, std::uint64_t seed) {
  constexpr int kBatch = 128;
  std::vector<pruning::Examples> batches;
  const int batch = static_cast<int>(std::min<std::int64_t>(kBatch, pictures));
  datasets::Loader loader(train, 1, {.batch = batch, .seed = seed, .normalisation = normalisation});
  for (const datasets::Batch& b : loader) {
    batches.push_back({b.images, {b.labels.begin(), b.labels.end()}});
    pictures -= static_cast<std::int64_t>(b.labels.size());
    if (pictures < batch) break;
  }
  return batches;
}

}  // namespace espalier::cli
