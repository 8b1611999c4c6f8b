// Files: reading and atomic replacement, on POSIX calls because the standard streams neither say
// why something failed nor can make sure that data has reached the disk.
#include "core/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace espalier {
namespace {

// "model.bin: cannot open it: No such file or directory", from errno.
[[noreturn]] void fail_with_errno(const std::string& path, std::string_view action) {
  const std::string reason = std::generic_category().message(errno);
  fail(path, ": cannot ", action, ": ", reason);
}

// Reading a device may never end, and renaming over one would remove it.
void check_is_file(const std::string& path, mode_t mode, bool pipe_allowed) {
  check(!S_ISDIR(mode), path, ": found a folder, expected a file");
  check(S_ISREG(mode) || (pipe_allowed && S_ISFIFO(mode)), path,
        ": found a device or the like, expected a file");
}

struct Descriptor {
  int value;
  ~Descriptor() { ::close(value); }
};

// While it lives, a write beyond the limit of a file's size fails like any other: the signal that
// would end the process waits, and is forgotten.
class SizeLimitFails {
 public:
  SizeLimitFails() {
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGXFSZ);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~SizeLimitFails() {
    const int error = errno;
    const timespec now{};
    if (!::sigismember(&before_, SIGXFSZ)) ::sigtimedwait(&signal_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  sigset_t signal_, before_;
};

// False, with errno, where the bytes cannot be written.
bool write_all(int descriptor, const void* bytes, std::size_t count) {
  const SizeLimitFails limit;
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {  // a single call may take a part only
    const ssize_t taken = ::write(descriptor, next, count);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return false;
    next += taken;
    count -= static_cast<std::size_t>(taken);
  }
  return true;
}

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

std::vector<std::byte> read_file(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) fail_with_errno(path, "open it");
  struct stat info;
  if (::fstat(file.value, &info) != 0) fail_with_errno(path, "read it");
  check_is_file(path, info.st_mode, /*pipe_allowed=*/true);

  // The size is a hint only: a pipe has none, and a file may grow meanwhile. The byte beyond it is
  // room for the read that finds the end.
  std::vector<std::byte> bytes;
  std::size_t used = 0;
  std::size_t wanted = static_cast<std::size_t>(info.st_size) + 1;
  for (;;) {
    try {
      bytes.resize(wanted);
    } catch (const std::exception&) {  // bad_alloc, or length_error where no memory ever suffices
      fail(path, ": no memory for its ", wanted, " bytes");
    }
    const ssize_t got = ::read(file.value, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with_errno(path, "read it");
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used == wanted) wanted = std::max<std::size_t>(2 * used, 65536);
  }
  bytes.resize(used);
  return bytes;
}

std::string followed(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel has it
  namespace fs = std::filesystem;
  fs::path target = path;
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, error)); ++links) {
    check(links < kMostLinks, path, ": found a symbolic link that leads back to itself, or more ",
          "than ", kMostLinks, " in a row, expected one that leads to a file");
    const fs::path link = fs::read_symlink(target, error);
    check(!error, path, ": cannot follow the symbolic link: ", error.message());
    target = target.parent_path() / link;  // an absolute one replaces the whole
  }
  return target.string();
}

Lock lock_file(int descriptor, const std::string& path) {
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    if (errno != EINTR) return errno == EWOULDBLOCK ? Lock::Others : Lock::Unsupported;
  // Whoever held it before may have removed or renamed the file between the opening and the lock.
  struct stat opened, named;
  const bool same = ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
                    opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
  return same ? Lock::Mine : Lock::Renamed;
}

Temporary::Temporary(const std::string& target,
                     const std::function<int(const std::string& path)>& create)
    : target_(target) {
  const auto name = [&](int number) {
    return target + ".espalier-" + std::to_string(number) + ".tmp";
  };
  for (int number = 0;; ++number) {
    remove_leftover(name(number));
    descriptor_ = create(name(number));
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) return;
    // Before it was locked, another process may have taken it for a leftover: it removes it.
    const Lock taken = lock_file(descriptor_, name(number));
    if (taken == Lock::Others || taken == Lock::Renamed) {
      ::close(descriptor_);
      continue;
    }
    path_ = name(number);
    while (remove_leftover(name(++number))) {
    }
    return;
  }
}

// Unlocked only once it has lost its temporary name.
Temporary::~Temporary() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Temporary::take_name() {
  if (std::rename(path_.c_str(), target_.c_str()) != 0) return false;
  path_.clear();
  return true;
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  const std::string target = followed(path);
  check(!path.empty(), "found an empty name, expected the name of a file to write");
  mode_t permissions = 0666;  // less what the process's umask takes away
  struct stat info;
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists) {
    check_is_file(path, info.st_mode, /*pipe_allowed=*/false);
    // Renaming needs the folder's permission only. Whoever protects a file means it, though.
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
      fail_with_errno(path, "write it");
    permissions = info.st_mode & 0777;
  }

  temporary_.emplace(target, [&](const std::string& name) {
    return ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
  });
  if (temporary_->descriptor() < 0) fail_with_errno(path_, "create it");
  if (exists)  // umask took its part; some systems have no modes
    ::fchmod(temporary_->descriptor(), permissions);
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  if (!write_all(temporary_->descriptor(), bytes, count)) fail_with_errno(path_, "write it");
}

void AtomicFile::commit() {
  if (::fsync(temporary_->descriptor()) != 0) fail_with_errno(path_, "write it");
  if (!temporary_->take_name()) fail_with_errno(path_, "replace it");
}

void write_file(const std::string& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

void append_to_file(const std::string& path, std::string_view content) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
  if (file.value < 0) fail_with_errno(path, "open it");
  struct stat before;
  if (::fstat(file.value, &before) != 0) fail_with_errno(path, "write it");
  check_is_file(path, before.st_mode, /*pipe_allowed=*/false);
  if (write_all(file.value, content.data(), content.size())) return;
  const int error = errno;
  [[maybe_unused]] const int ignored = ::ftruncate(file.value, before.st_size);  // no half line
  errno = error;
  fail_with_errno(path, "write it");
}

}  // namespace espalier
