// Clipping: the norm, then the scaling.
#include "optim/clip.h"

#include <cmath>

#include "core/memory.h"
#include "optim/option.h"

namespace espalier::optim {
namespace {

// The sum of squares of the kept elements of one piece. A function of its own: in a lambda the
// pointers would be read anew for each element.
double sum_of_squares(const float* g, const std::uint8_t* mask, std::int64_t count) {
  double sum = 0;
  if (mask) {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) {
      const double x = Kept{-std::int32_t{mask[i]}}(g[i]);
      sum += x * x;
    }
  } else {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) sum += double{g[i]} * g[i];
  }
  return sum;
}

double squared_norm(const Parameter& parameter, const float* g) {
  const std::uint8_t* mask = parameter.mask();
  const std::int64_t count = parameter.numel();
  std::vector<double, PoolAllocator<double>> pieces((count + kGrain - 1) / kGrain);
  parallel_ranges(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    pieces[begin / kGrain] = sum_of_squares(g + begin, mask ? mask + begin : nullptr, end - begin);
  });
  double total = 0;
  for (const double piece : pieces) total += piece;
  return total;
}

}  // namespace

double clip_grad_norm(const Parameters& parameters, double max_norm) {
  check_option(max_norm > 0, "clip_grad_norm: max_norm", max_norm, "a number above 0");
  std::vector<Tensor> grads;
  double squares = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor grad = fresh_gradient(parameters[i]);
    if (!grad.defined() || parameters.listed_before(i)) continue;
    squares += squared_norm(parameters[i], grad.data());
    grads.push_back(grad);
  }
  const double norm = std::sqrt(squares);
  const double scale = max_norm / (norm + 1e-6);
  if (!std::isfinite(norm) || scale >= 1) return norm;

  const float factor = static_cast<float>(scale);
  for (Tensor& grad : grads) {
    float* g = grad.mutable_data();
    parallel_ranges(grad.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) g[k] *= factor;
    });
  }
  return norm;
}

}  // namespace espalier::optim
