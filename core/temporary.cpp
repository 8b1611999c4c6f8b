// Temporary: names, locks, and what others left behind.
#include "core/temporary.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace espalier {
namespace {

// Removes what nobody holds. False where there is nothing of that name.
bool remove_leftover(const std::string& path) {
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int descriptor = ::open(path.c_str(), O_RDWR | kFlags);  // NFS locks only what may be written
  if (descriptor < 0 && errno == ENOENT) return false;
  if (descriptor < 0) descriptor = ::open(path.c_str(), O_RDONLY | kFlags);  // a folder
  if (descriptor < 0) return true;
  std::error_code ignored;
  if (lock_file(descriptor, path) == Lock::Mine) std::filesystem::remove_all(path, ignored);
  ::close(descriptor);
  return true;
}

}  // namespace

Lock lock_file(int descriptor, const std::string& path) {
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    if (errno != EINTR) return errno == EWOULDBLOCK ? Lock::Others : Lock::Unsupported;
  // Whoever held it before may have removed or renamed the file between the opening and the lock.
  struct stat opened, named;
  const bool same = ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
                    opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
  return same ? Lock::Mine : Lock::Renamed;
}

Temporary make_temporary(const std::string& target,
                         const std::function<int(const std::string& path)>& create) {
  const auto name = [&](int number) {
    return target + ".espalier-" + std::to_string(number) + ".tmp";
  };
  for (int number = 0;; ++number) {
    Temporary made{name(number)};
    remove_leftover(made.path);
    made.descriptor = create(made.path);
    if (made.descriptor < 0 && errno == EEXIST) continue;
    if (made.descriptor < 0) return made;
    // Before it was locked, another process may have taken it for a leftover: it removes it.
    const Lock taken = lock_file(made.descriptor, made.path);
    if (taken == Lock::Others || taken == Lock::Renamed) {
      ::close(made.descriptor);
      continue;
    }
    while (remove_leftover(name(++number))) {
    }
    return made;
  }
}

}  // namespace espalier
