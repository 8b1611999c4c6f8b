// Claim: no two processes write the same model, log or report at a time.
#pragma once

#include <string>

namespace espalier::cli {

// While it lives, no other process can claim the file, nor what lies beside it under its name
// (examples/cli/beside.h): a lock on "NAME.espalier-lock" says whose it is. The lock ends with its
// process, and the file is removed; one that a killed process leaves does no harm. An Error that
// names the other process where there is one, or where the file could not be written in the end.
// Where the file system has no locks, a warning.
class Claim {
 public:
  explicit Claim(const std::string& path);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  std::string path_;  // of the lock
  int descriptor_ = -1;
};

// The same for a model; an Error also where its log would be that of another model that is there.
Claim claim_model(const std::string& path);

}  // namespace espalier::cli
