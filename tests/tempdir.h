// A folder of its own for one test, removed with everything in it when the test ends.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace espalier::testing {

class TempDir {
 public:
  TempDir() {
    const std::string unique(6, 'X');  // that mkdtemp replaces
    std::string pattern =
        (std::filesystem::temp_directory_path() / ("espalier-test-" + unique)).string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace espalier::testing
