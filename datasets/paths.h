// Paths: what the readers ask of the file system, and a folder that appears whole or not at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

std::string join(const std::string& folder, const std::string& name);
std::string last_name(const std::string& folder);  // "a/b/" -> "b"
std::string lower_case(std::string name);          // of the letters A to Z

// Whether there is something of that name, or cannot be told: opening it then says why.
bool exists(const std::string& path);
bool is_folder(const std::string& path);
std::string real_path(const std::string& path);       // with symbolic links followed
bool is_special(const std::string& path);             // a pipe, a device: reading it may never end
std::size_t file_size_hint(const std::string& path);  // 0 where there is none

// The names of what is in a folder, sorted by their bytes. An Error when it cannot be read.
std::vector<std::string> sorted_names(const std::string& folder);

// Counts a file that is not read, or a folder with all files in it, by why that shows in its name.
void skip(const std::string& folder, const std::string& name, Skipped& to);
// Counts whatever a folder holds beside these names.
void skip_all_but(const std::string& folder, const std::vector<std::string>& names, Skipped& to);

// A folder in the making. Files are put into path(); commit() gives it the target's name. Without
// commit() it is removed. The target must not exist, or be an empty folder.
class NewFolder {
 public:
  explicit NewFolder(const std::string& target);

  const std::string& path() const { return made_->path(); }
  void commit();

 private:
  std::string target_;
  std::optional<Temporary> made_;
};

}  // namespace espalier::datasets
