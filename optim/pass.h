// The pass: one loop over all elements of a parameter that computes everything a step needs, reads
// and writes each value once, and leaves zeros where the mask removes. Optimisers write only their
// formula. A step is bound by memory, not by arithmetic: a second loop, for the mask alone, would
// cost nearly as much again.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/parameter.h"

namespace espalier::optim {

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

// A model, or whatever else hands out its parameters.
template <class M>
concept HasParameters = requires(const M& model) {
  { model.parameters() } -> std::convertible_to<std::vector<Parameter>>;
};

// Whether parameters[index] stands in the list before as well: tied weights count once.
bool listed_before(const std::vector<Parameter>& parameters, std::size_t index);

// The list without repetitions; an empty list or handle is an Error that names the owner.
std::vector<Parameter> distinct(const char* owner, const std::vector<Parameter>& parameters);

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
