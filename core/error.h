// Errors: one exception type whose message is one sentence saying what, found and expected.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace espalier {

// Every failure a user can cause or meet. The message is complete: programs print it as it is.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws an Error whose message is the arguments written one after the other.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(message.str());
}

// Throws when the condition does not hold. The parts are evaluated first: pass plain values.
template <class... Parts>
inline void check(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(parts...);
}

}  // namespace espalier
