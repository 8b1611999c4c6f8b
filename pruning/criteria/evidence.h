// Evidence: what a criterion may look at beyond the weights: gradients of batches and of single
// pictures, and what flows through the layers. It is gathered in evaluation mode, and the model's
// mode is then as before; gradients that stood in its parameters are forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"
#include "layers/model.h"

namespace espalier::pruning {

// A batch of pictures as the network takes them, and their classes.
struct Examples {
  Tensor images;
  std::vector<std::int32_t> labels;
};

class Evidence {
 public:
  // Batches may be missing; a criterion that needs some then says so.
  explicit Evidence(const layers::Model& model, std::vector<Examples> batches = {},
                    std::uint64_t seed = 0);

  const layers::Model& model() const { return model_; }
  const std::vector<Examples>& batches() const { return batches_; }
  Rng& rng() { return rng_; }
  // An Error that names the criterion where there are no batches.
  void require_batches(const std::string& criterion) const;

  // Runs each batch forward and back. While see() runs, every parameter's grad() is that of the
  // batch's mean loss.
  void each_batch(const std::function<void(const Examples&)>& see);
  // The same for the first `most` pictures one by one; returns how many there were.
  std::int64_t each_picture(std::int64_t most, const std::function<void(const Examples&)>& see);
  // Runs each batch forward without the tape and shows every leaf layer's input and output.
  using See = std::function<void(const layers::Module& layer, const Tensor& input,
                                 const Tensor& output, const Examples& batch)>;
  void each_output(const See& see);

 private:
  std::int64_t pictures() const;  // in all batches
  void each(const std::function<void(const Examples&)>& see) const;
  void run(const Examples& batch, const std::function<void(const Examples&)>& see);

  layers::Model model_;
  std::vector<Examples> batches_;
  Rng rng_;
};

}  // namespace espalier::pruning
