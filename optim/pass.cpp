// The pass: which parameters take part, with which gradient and state.
#include "optim/pass.h"

#include "core/error.h"

namespace espalier::optim {

bool listed_before(const std::vector<Parameter>& parameters, std::size_t index) {
  for (std::size_t i = 0; i < index; ++i)
    if (same(parameters[i], parameters[index])) return true;
  return false;
}

std::vector<Parameter> distinct(const char* owner, const std::vector<Parameter>& parameters) {
  check(!parameters.empty(), owner, ": found no parameters, expected at least one");
  std::vector<Parameter> result;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check(parameters[i].defined(), owner, ": found an empty handle as parameter ", i,
          ", expected a parameter");
    if (!listed_before(parameters, i)) result.push_back(parameters[i]);
  }
  return result;
}

Tensor fresh_gradient(const Parameter& parameter) {
  return parameter.impl()->grad_retired ? Tensor() : parameter.unmasked_grad();
}

bool has_state(const Parameter& parameter, const char* key) {
  return parameter.states().count(key) != 0;
}

float* state_values(Parameter& parameter, const char* key) {
  Tensor& state = parameter.state(key);
  if (state.shape() != parameter.shape() || !state.layout().plain())
    fail("state ", key, " of ", parameter.name(), ": found shape ", state.shape().str(),
         state.layout().plain() ? "" : " in lanes", ", expected ", parameter.shape().str());
  return state.mutable_data();
}

}  // namespace espalier::optim
