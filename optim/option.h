// Options: numbers that users give, refused in one sentence where they make no sense.
#pragma once

#include <cmath>
#include <string>

#include "core/error.h"

namespace espalier::optim {

// check_option(momentum >= 0, "SGD: momentum", momentum, "a number in [0, 1)"). Conditions are
// written so that NaN fails them.
inline void check_option(bool holds, const std::string& option, double found,
                         const char* expected) {
  check(holds, option, ": found ", found, ", expected ", expected);
}

inline void check_rate(const std::string& option, double rate) {
  check_option(rate >= 0 && std::isfinite(rate), option, rate, "a finite number of at least 0");
}

inline void check_share(const std::string& option, double share) {
  check_option(share >= 0 && share <= 1, option, share, "a number in [0, 1]");
}

// For factors that average over time: momentum, Adam's betas.
inline void check_decay(const std::string& option, double decay) {
  check_option(decay >= 0 && decay < 1, option, decay, "a number in [0, 1)");
}

}  // namespace espalier::optim
