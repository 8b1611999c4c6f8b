// Lesson 1: a tensor and its gradient. Operations on tensors are recorded on a tape; backward()
// walks the tape from the loss to the weights and leaves in each the derivative of the loss. We
// check it against differences taken by hand, go downhill by it, and then ask the question that
// the whole course is about: what would the loss be if one weight were zero?
//
//   make build/examples/01_gradient && build/examples/01_gradient
//
// Prints:
//   loss 2.7531 at w = 0, 0, 0
//   weight        by tape  by difference
//   w0            -2.0833        -2.0833
//   w1            -1.6667        -1.6667
//   w2            -0.8948        -0.8948
//   gradients of two passes add up: -2.0833 became -4.1667
//   step   0  loss 2.75307  ########################################
//   ...
//   step  50  loss 0.00000
//   set to zero      -g w    1/2 h w^2     measured
//   w0             0.0003       0.9976       0.9979
//   w1             0.0000       1.6667       1.6667
//   w2            -0.0001       0.0032       0.0032
#include "course/course.h"

#include <array>
#include <cmath>
#include <cstdio>

using namespace espalier;

namespace {

// Nine points of the curve 1 + 2 x + 0.1 x^2.
constexpr int kPoints = 9;

struct Problem {
  Tensor features = Tensor::zeros({kPoints, 3});  // rows 1, x, x^2
  Tensor targets = Tensor::zeros({kPoints, 1});

  Problem() {
    for (int i = 0; i < kPoints; ++i) {
      const float x = static_cast<float>(i - 4) / 4;
      const float row[] = {1, x, x * x};
      std::copy(row, row + 3, features.mutable_data() + 3 * i);
      targets.mutable_data()[i] = 1 + 2 * x + 0.1f * x * x;
    }
  }

  // Mean squared error. Every operation here computes its value at once and, as w requires a
  // gradient, puts the rule for going back on the tape.
  Tensor loss(const Tensor& w) const {
    const Tensor error = matmul(features, w) - targets;
    return mean(error * error);
  }
};

float loss_at(const Problem& problem, const Tensor& w, int k, float change) {
  const NoGrad off;  // values only, no tape
  const Tensor moved = w.clone();
  Tensor(moved).mutable_data()[k] += change;
  return problem.loss(moved).item();
}

std::array<float, 3> gradient(const Problem& problem, Tensor w) {
  w.zero_grad();
  problem.loss(w).backward();
  const float* g = w.grad().data();
  return {g[0], g[1], g[2]};
}

}  // namespace

int main() {
  const Problem problem;
  Tensor w = Tensor::zeros({3, 1}).set_requires_grad();
  std::printf("loss %.4f at w = 0, 0, 0\n", problem.loss(w).item());

  // The derivative is a limit of differences. Central ones err by e^2 only; and e is no smaller, or
  // the rounding of float32 would be all that is left in the difference.
  std::printf("weight        by tape  by difference\n");
  const auto tape = gradient(problem, w);
  for (int k = 0; k < 3; ++k) {
    const float e = 1e-2f;
    const float slope = (loss_at(problem, w, k, e) - loss_at(problem, w, k, -e)) / (2 * e);
    std::printf("w%d       %12.4f   %12.4f\n", k, tape[k], slope);
  }

  // A tensor may be used in many places, so gradients are added, never assigned.
  problem.loss(w).backward();
  std::printf("gradients of two passes add up: %.4f became %.4f\n", tape[0], w.grad().data()[0]);

  // Gradient descent: against the slope, again and again.
  for (int step = 0; step <= 50; ++step) {
    const float loss = problem.loss(w).item();
    if (step % 5 == 0)
      std::printf("step %3d  loss %.5f  %s\n", step, loss, course::bar(loss / 2.7531).c_str());
    const auto g = gradient(problem, w);
    for (int k = 0; k < 3; ++k) w.mutable_data()[k] -= 0.4f * g[k];
  }

  // What a weight is worth is what the loss becomes without it. The first derivative foretells
  // -g w, and after training that is next to nothing, for training has made g zero. The second one,
  // h, foretells h w^2 / 2 more: exact here, where the loss is a parabola in each weight. Note that
  // w0 is half of w1, and yet worth more than half as much: size alone is not the whole truth.
  std::printf("set to zero      -g w    1/2 h w^2     measured\n");
  const auto g = gradient(problem, w);
  const float trained = problem.loss(w).item();
  for (int k = 0; k < 3; ++k) {
    const float e = 0.1f, value = w.data()[k];
    Tensor up = w.clone().set_requires_grad(), down = w.clone().set_requires_grad();
    up.mutable_data()[k] += e;
    down.mutable_data()[k] -= e;
    const float h = (gradient(problem, up)[k] - gradient(problem, down)[k]) / (2 * e);
    std::printf("w%d       %12.4f %12.4f %12.4f\n", k, -g[k] * value, 0.5f * h * value * value,
                loss_at(problem, w, k, -value) - trained);
  }
}
