// Files: reading one whole, and replacing one in a single step, so that whoever looks finds either
// the old content or the new one, never a half. Knows nothing of any format.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// The whole content of a file (or of a pipe, read to its end). Throws an Error that names the path
// when it is missing, unreadable, a folder or a device, or larger than memory.
std::vector<std::byte> read_file(const std::string& path);

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
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, std::size_t count);
  void commit();  // once, as the last call: the data is on the disk before the name is

 private:
  std::string path_;       // as the caller wrote it, for messages
  std::string target_;     // path_ with symbolic links followed
  std::string temporary_;  // empty once nothing is left to remove
  int descriptor_ = -1;
};

// Replaces the content of a file through an AtomicFile.
void write_file(const std::string& path, std::string_view content);

// Adds to a file's end, whole or not at all; a missing file is created.
void append_to_file(const std::string& path, std::string_view content);

// Where a path leads: symbolic links in its last part are followed, also to a file that does not
// exist yet. An Error where they lead to themselves.
std::string followed(const std::string& path);

}  // namespace espalier
