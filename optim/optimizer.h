// Optimizer: what all optimisers share. It knows which parameters it moves and how far along it is;
// everything else that it remembers (momentum, moments) is state of the parameter itself. So state
// goes wherever its parameter goes: into a file, or through a compaction that changes its shape in
// the middle of training. A new optimiser on the same or on loaded parameters goes on where the
// last one stood, once set_steps() has told it the number of steps.
//
// Where a parameter has a mask, a step leaves value and state exactly zero at what it removes.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "core/parameter.h"

namespace espalier::optim {

// A list of parameters: written out, or that of a model or whatever else hands out its parameters.
struct Parameters : std::vector<Parameter> {
  using std::vector<Parameter>::vector;
  Parameters(std::vector<Parameter> list) : vector(std::move(list)) {}
  template <class M>
  requires requires(const M& model) {
    { model.parameters() } -> std::convertible_to<std::vector<Parameter>>;
  }
  Parameters(const M& model) : vector(model.parameters()) {}

  // Whether one stands in the list before its place as well: tied weights count once.
  bool listed_before(std::size_t place) const;
  // The list without repetitions; an empty list or handle is an Error that names the owner.
  std::vector<Parameter> distinct(const char* owner) const;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Moves every parameter that got a gradient since the last step; the others stay as they are.
  // Gradients stay readable afterwards, and the next backward pass begins new ones: a training loop
  // needs no zero_grad().
  void step();
  void zero_grad();  // forgets all gradients, e.g. to skip a step after an overflow

  double lr() const { return lr_; }
  void set_lr(double lr);  // negative or not finite: Error

  // Steps so far. Adam's bias correction depends on it: save it with the model, and set it again.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps);

  // Without repetitions: tied weights are moved once.
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  // `name` stands at the front of error messages: a string literal.
  Optimizer(const char* name, const Parameters& parameters, double lr);

  // One step of one parameter. steps() counts this step already. `grad` may hold anything where
  // the mask removes: put values through `kept`, see below.
  virtual void update(Parameter& parameter, const float* grad) = 0;

 private:
  const char* name_;
  std::vector<Parameter> parameters_;
  double lr_ = 0;
  std::int64_t steps_ = 0;
};

// ---- The pass ----
// One loop over all elements of a parameter that computes everything a step needs, reads and writes
// each value once, and leaves zeros where the mask removes. Optimisers write only their formula. A
// step is bound by memory, not by arithmetic: a second loop, for the mask alone, would cost nearly
// as much again.

// Elements that one thread takes at a time; smaller parameters start no threads.
inline constexpr std::int64_t kGrain = 64 * 1024;

// Says whether the mask keeps an element: kept(x) is x, or exactly +0 whatever x was, NaN too. Done
// on the bits, without a branch, so that a loop over it becomes vector code on every processor.
struct Kept {
  std::int32_t bits = -1;  // all set: kept
  float operator()(float x) const {
    return std::bit_cast<float>(std::bit_cast<std::int32_t>(x) & bits);
  }
};

// Calls body(i, kept) for every element i. The calls must not depend on each other: they run in
// vectors and on several threads. The body captures by value.
template <class Body>
void for_each_element(const Parameter& parameter, const Body& body) {
  const std::uint8_t* mask = parameter.mask();
  parallel_ranges(parameter.numel(), kGrain, [mask, &body](std::int64_t begin, std::int64_t end) {
    const Body local = body;  // its numbers stay in registers: no store of a float can change them
    if (mask) {
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) local(i, Kept{-std::int32_t{mask[i]}});
    } else {
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) local(i, Kept{});
    }
  });
}

// How a value that averages over steps moves on, decay * old + added. A factor near 1 is held as
// what it lacks: rounded to a float, 0.999 and the 0.001 of what is new would add up to
// 1.000000013, and steps that bring the same value again and again would come to 1.000013 times
// that value. Nor is this old + 0.001 * (fresh - old), which loses a fresh value that is far
// smaller than the old one where the decay is near 0.
class Decay {
 public:
  explicit Decay(double factor)
      : whole_(factor < 0.5 ? 0.0f : 1.0f), rest_(static_cast<float>(factor - double{whole_})) {}
  float operator()(float old, float added) const { return whole_ * old + (rest_ * old + added); }

 private:
  float whole_, rest_;
};

// The gradient that backward passes have added up since the last step; it may hold anything where
// the mask removes. Not defined where there was none: a gradient that a step has used stays
// readable, but is not used twice.
Tensor fresh_gradient(const Parameter& parameter);

bool has_state(const Parameter& parameter, const char* key);
// The values of a state, zeros where it is new; another shape than the parameter's is an Error.
// Looked up on every step, since loading and compaction replace states. Keys of at most 15
// characters cost no allocation.
float* state_values(Parameter& parameter, const char* key);

}  // namespace espalier::optim
