// Claim: the lock, and words for whoever comes second.
#include "examples/cli/claim.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/beside.h"
#include "examples/cli/checkpoint.h"
#include "examples/cli/console.h"

namespace espalier::cli {
namespace {

std::string this_process() {
  char host[128] = "";
  ::gethostname(host, sizeof host - 1);
  return "process " + std::to_string(::getpid()) + " on " + host;
}

// Who wrote the lock file; it may not have come to that yet.
std::string owner(int descriptor) {
  char text[160];
  const ssize_t size = ::pread(descriptor, text, sizeof text, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "another process";
}

}  // namespace

Claim::Claim(const std::string& path) : path_(beside(followed(path), ".espalier-lock")) {
  check_writable(path);
  Lock taken;
  do {  // again where its last owner removed it between the opening and the lock
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    check(descriptor_ >= 0, path_, ": cannot open it: ", std::strerror(errno));
    taken = lock_file(descriptor_, path_);
  } while (taken == Lock::Renamed);
  if (taken == Lock::Others) {
    const std::string other = owner(descriptor_);
    ::close(descriptor_);
    fail(path, ": found ", other, " writing it, expected no other process that does");
  }
  if (taken == Lock::Unsupported)
    say("warning: " + path + ": this file system has no locks; no other process may write it now");
  const std::string text = this_process();
  [[maybe_unused]] const bool told =
      ::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, text.data(), text.size(), 0) > 0;
}

// Removed while it is locked: whoever opened it meanwhile finds that it is gone.
Claim::~Claim() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

Claim claim_model(const std::string& path) {
  check_model_path(path);
  check_writable(beside(followed(path), ".report.html"));  // the longest of the names beside it
  return Claim(path);
}

}  // namespace espalier::cli
