// Running the model for evidence, and leaving it as it was.
#include "pruning/criteria/evidence.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/loss.h"
#include "core/progress.h"
#include "layers/observe.h"

namespace espalier::pruning {
namespace {

void forget_gradients(const layers::Model& model) {
  for (Parameter parameter : model.parameters()) parameter.zero_grad();
}

}  // namespace

Evidence::Evidence(const layers::Model& model, std::vector<Examples> batches, std::uint64_t seed)
    : model_(model), batches_(std::move(batches)), rng_(seed) {
  for (const Examples& batch : batches_)
    check(batch.images.defined() &&
              batch.images.size(0) == static_cast<std::int64_t>(batch.labels.size()),
          "evidence: found a batch of ", batch.images.defined() ? batch.images.size(0) : 0,
          " pictures with ", batch.labels.size(), " labels, expected one label a picture");
}

void Evidence::require_batches(const std::string& criterion) const {
  check(!batches_.empty(), "criterion ", criterion,
        ": found no pictures to judge by, expected at least one batch");
}

std::int64_t Evidence::pictures() const {
  std::int64_t count = 0;
  for (const Examples& batch : batches_) count += batch.images.size(0);
  return count;
}

void Evidence::run(const Examples& batch, const std::function<void(const Examples&)>& see) {
  forget_gradients(model_);
  cross_entropy(layers::outputs_of(model_, batch.images), batch.labels).backward();
  see(batch);
  forget_gradients(model_);
}

void Evidence::each(const std::function<void(const Examples&)>& see) const {
  const layers::EvaluationMode mode(model_);
  std::int64_t seen = 0;
  for (const Examples& batch : batches_) {
    see(batch);
    WatchProgress::tell({"scoring", "images", seen += batch.images.size(0), pictures()});
  }
}

void Evidence::each_batch(const std::function<void(const Examples&)>& see) {
  each([&](const Examples& batch) { run(batch, see); });
}

std::int64_t Evidence::each_picture(std::int64_t most,
                                    const std::function<void(const Examples&)>& see) {
  const layers::EvaluationMode mode(model_);
  const std::int64_t all = std::min(most, pictures());
  std::int64_t seen = 0;
  for (const Examples& batch : batches_) {
    const std::vector<float> values = batch.images.to_vector();
    Shape one = batch.images.shape();
    one.set(0, 1);
    const auto size = static_cast<std::size_t>(one.numel());
    for (std::size_t n = 0; n < batch.labels.size() && seen < most; ++n) {
      run({Tensor::from(one, std::span(values).subspan(n * size, size)), {batch.labels[n]}}, see);
      WatchProgress::tell({"scoring", "images", ++seen, all});
    }
  }
  return seen;
}

void Evidence::each_output(const See& see) {
  const NoGrad off;
  each([&](const Examples& batch) {
    const layers::Observe observe([&](const layers::Module& layer, const std::string&,
                                      const Tensor& input,
                                      const Tensor& output) { see(layer, input, output, batch); });
    layers::outputs_of(model_, batch.images);
  });
}

}  // namespace espalier::pruning
