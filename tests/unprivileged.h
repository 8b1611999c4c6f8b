// For tests of permissions, which do not stop root.
#pragma once

#include <unistd.h>

#include <cstdlib>

namespace espalier::testing {

// Root may do anything: while this lives, the process is nobody in particular.
class Unprivileged {
 public:
  Unprivileged() {
    if (user_ == 0) dropped_ = seteuid(65534) == 0;
  }
  ~Unprivileged() {
    if (dropped_ && seteuid(user_) != 0) std::abort();
  }
  bool works() const { return user_ != 0 || dropped_; }

 private:
  uid_t user_ = geteuid();
  bool dropped_ = false;
};

}  // namespace espalier::testing
