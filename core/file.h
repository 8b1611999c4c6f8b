// Files: reading one whole, and replacing one in a single step, so that whoever looks finds either
// the old content or the new one, never a half. Knows nothing of any format.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// The whole content of a file (or of a pipe, read to its end). Throws an Error that names the path
// when it is missing, unreadable, a folder or a device, or larger than memory.
std::vector<std::byte> read_file(const std::string& path);

// Whether a lock (flock) on an open file was taken. It ends with the descriptor or the process.
enum class Lock {
  Mine,
  Others,      // another process or descriptor holds it
  Renamed,     // taken, but the path names another file or none by now
  Unsupported  // this file system has no locks
};
Lock lock_file(int descriptor, const std::string& path);

// A file or folder beside its target, "TARGET.espalier-0.tmp" or with the next number that is not
// in use, that takes the target's name once it is whole; without that it is removed. It is kept
// locked, so that one left behind by a process that was killed can be told from one that is in use,
// by whatever process on whatever host, and is removed by the next one of that target.
class Temporary {
 public:
  // `create` makes a file or a folder of a name where there is none and returns a descriptor of it,
  // or -1.
  Temporary(const std::string& target, const std::function<int(const std::string& path)>& create);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }  // -1 where it could not be created, as errno says
  bool take_name();                               // of the target; false, as errno says

 private:
  std::string target_, path_;
  int descriptor_ = -1;
};

// A file in the making. The bytes go to a temporary file in the target's folder; commit() gives it
// the target's name. Without commit(), and after any error (disk full, folder missing or not
// writable), the destructor removes the temporary file and the old target stays as it was. What a
// process that was killed leaves behind is removed by the next writer of that file.
//
//   AtomicFile file("report.txt");
//   file.write(text.data(), text.size());
//   file.commit();
class AtomicFile {
 public:
  // A target that exists already has to be a regular, writable file; its permissions are kept. A
  // symbolic link is followed: the file it leads to is written, not the link.
  explicit AtomicFile(const std::string& path);

  void write(const void* bytes, std::size_t count);
  void commit();  // once, as the last call: the data is on the disk before the name is

 private:
  std::string path_;  // as the caller wrote it, for messages
  std::optional<Temporary> temporary_;
};

// Replaces the content of a file through an AtomicFile.
void write_file(const std::string& path, std::string_view content);

// Adds to a file's end, whole or not at all; a missing file is created.
void append_to_file(const std::string& path, std::string_view content);

// Where a path leads: symbolic links in its last part are followed, also to a file that does not
// exist yet. An Error where they lead to themselves.
std::string followed(const std::string& path);

}  // namespace espalier
