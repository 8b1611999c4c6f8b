// Criterion: how a set of elements is judged. Low scores go first.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pruning/candidates.h"
#include "pruning/criteria/evidence.h"

namespace espalier::pruning {

using Scores = std::vector<double>;  // one a set

struct Criterion {
  std::string name;
  // The scores of every list's sets. All lists at once, so that a pass over the data serves all.
  std::function<std::vector<Scores>(std::span<const Candidates>, Evidence&)> score;
  // Why it means nothing for sets of this structure, as "found X, expected Y"; empty where it means
  // something. Null: it does for every one.
  std::function<std::string(Structure)> refuses = {};
  // Called with what will stay just before the rest is masked, to make up for the loss. Null: no.
  std::function<void(std::span<const Candidates>, std::span<const Kept>, Evidence&)> compensate =
      {};
  bool needs_data = false;
  // Where it is set, the sets that score below it go, however many these are; no ratio decides.
  std::optional<double> cut = {};
  int rounds = 1;  // in which a pruning step is done, each with fresh scores
};

// A criterion of one's own that looks at the weights alone:
//   auto cubes = pruning::criterion("cubes", [](const pruning::Candidates& c) {
//     pruning::Scores score(c.count);
//     c.each([&](const pruning::Member& m, auto i, auto set) {
//       score[set] += std::pow(std::abs(m.parameter.data()[i]), 3);
//     });
//     return score;
//   });
Criterion criterion(std::string name, std::function<Scores(const Candidates&)> score);

// The engine's own, below in the order of the README's table. A name that is none is an Error.
Criterion criterion(const std::string& name);
std::vector<std::string> criterion_names();

// Which members of a unit a score is made of: what makes it, or what reads it in the next layers
// as well.
enum class Over { Makers, All };

Criterion magnitude(Over over = Over::Makers);  // sum of |w| (Han et al., 2015; Li et al., 2017)
Criterion l2(Over over = Over::Makers);         // root of the sum of w^2
Criterion random();                             // the control
Criterion bn_scale();                           // mean |scale| of batch norm (Liu et al., 2017)
Criterion geometric_median();  // sum of distances to the other filters (He et al., 2019)
// What goes is what lies below t: |w|, of a unit the mean of |w|. With in_deviations both are
// counted in standard deviations of the layer's weights, as they were the first time (Han et al.,
// 2015).
Criterion threshold(double t, bool in_deviations = false);

Criterion weighted();  // sum of |w| times the mean of |input| (after Sun et al., 2023)
Criterion gradient();  // norm of the gradient, the mean over batches
// |sum of g w| of a batch, the mean over batches (Molchanov et al., 2019). Of a unit or layer over
// the scale and shift of the batch norm behind it, else over weights and bias: what closing a gate
// there changes in the loss.
Criterion taylor();
Criterion snip();     // |g w| with the gradient of all batches together (Lee et al., 2019)
Criterion synflow();  // |w dR/dw| on ones through |w|, in 100 rounds (Tanaka et al., 2020)
// 1/2 w^2 h, h the mean of squared gradients of single pictures: optimal brain damage (LeCun et
// al., 1990) with the diagonal of the Fisher information.
Criterion fisher(std::int64_t pictures = 1000);
// w^2 / (2 [F^-1]), F in blocks of neighbours, with the update of what stays: optimal brain surgeon
// (Hassibi and Stork, 1993; Singh and Alistarh, 2020).
struct ObsOptions {
  std::int64_t pictures = 256;
  int block = 64;         // weights
  double damping = 1e-4;  // on the diagonal of F
  int rounds = 4;
  // Bytes of F^-1 at a time. Larger networks take several passes over the pictures.
  std::int64_t memory = std::int64_t{1} << 30;
};
Criterion obs(const ObsOptions& options = {});

Criterion activation();          // mean of |output|
Criterion variance();            // of the output
Criterion apoz();                // share of outputs that are not zero (Hu et al., 2016)
Criterion entropy();             // of the unit's mean response over pictures, in bits (16 bins)
Criterion mutual_information();  // between that response and the class, in bits
Criterion type();                // of layers: every second one of a run of equal shapes goes first

}  // namespace espalier::pruning
