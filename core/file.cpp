// Files: reading and atomic replacement, on POSIX calls because the standard streams neither say
// why something failed nor can make sure that data has reached the disk.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
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

// A name that no other thread or process uses; O_EXCL in AtomicFile makes sure of it.
std::string temporary_name(const std::string& target) {
  static std::atomic<unsigned> counter = 0;
  return target + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
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

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
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
    std::error_code error;
    const std::filesystem::path resolved = std::filesystem::canonical(path, error);
    if (!error) target_ = resolved.string();
  }

  // A name in use is the leftover of a process that was killed and had the same number.
  do {
    temporary_ = temporary_name(target_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail_with_errno(path_, "create it");
  if (exists)
    ::fchmod(descriptor_, permissions);  // umask took its part; some systems have no modes
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {  // a single call may take a part only
    const ssize_t taken = ::write(descriptor_, next, count);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) fail_with_errno(path_, "write it");
    next += taken;
    count -= static_cast<std::size_t>(taken);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_with_errno(path_, "write it");
  const int closed = ::close(descriptor_);  // whatever it returns, the descriptor is gone
  descriptor_ = -1;
  if (closed != 0) fail_with_errno(path_, "write it");
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail_with_errno(path_, "replace it");
  temporary_.clear();
}

void write_file(const std::string& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

}  // namespace espalier
