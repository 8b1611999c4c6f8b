// Sparse format: a layer whose weights are partly gone can be computed densely, zeros and all, or
// over its nonzeros alone. Which is faster depends on the layer's shape, its density and the
// machine, so it is measured, with the weights and inputs at hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "layers/model.h"

namespace espalier::pruning {

enum class Format { Dense, CSR, Auto };
const char* name(Format format);
// "dense", "csr" or "auto"; anything else is an Error.
Format format(const std::string& name);

struct LayerForm {
  std::string layer;
  double density = 1;                  // share of the weights that are there
  double dense_ms = 0, sparse_ms = 0;  // of one call, the fastest turn; 0: not measured
  bool sparse = false;                 // what was chosen
};

// Whether a layer is to be sparse, given the sparse time as a share of the dense one in each of
// several interleaved measurements, and whether it is sparse by now. The format changes only where
// the other one is faster by more than `margin` in four of five measurements: a gain that is
// smaller than the measurements' spread is noise.
bool prefers_sparse(std::vector<double> shares, bool now, double margin);

struct FormOptions {
  Format format = Format::Auto;
  bool training = false;  // timed with the way back to weights and input
  double margin = 0.05;   // see prefers_sparse()
};

// The form for every convolution and linear layer of which some weights are gone, in the order in
// which they run. `inputs` is a batch as the network takes it.
// Layers that were timed before, with as many nonzeros, are not timed again. The model stays as it
// is.
std::vector<LayerForm> choose_forms(const layers::Model& model, const Tensor& inputs,
                                    const FormOptions& options = {});

// The names of the layers that are sparse now.
std::vector<std::string> sparse_layers(const layers::Model& model);

// Every weight dense, with a mask.
void expand(const layers::Model& model);

// All layers dense, with masks, while it lives; then those that were sparse are so again, with the
// pattern of the masks that they have by then. For whoever moves masks.
class Expanded {
 public:
  explicit Expanded(const layers::Model& model);
  ~Expanded();
  Expanded(const Expanded&) = delete;
  Expanded& operator=(const Expanded&) = delete;

 private:
  layers::Model model_;
  std::vector<std::string> sparse_;
};

}  // namespace espalier::pruning
