// Programs that are interrupted, and what they leave behind.
#pragma once

#include <filesystem>

#include "tests/process.h"

namespace espalier::testing {

// The lines of a log without the times, which no two runs share, and without where it was
// interrupted and went on.
inline std::vector<Json> log_of(const std::string& path) {
  std::vector<Json> result;
  std::istringstream text(content(path));
  for (std::string line; std::getline(text, line);) {
    Json json = Json::parse(line);
    if (json["event"] == "resume" || json["event"] == "interrupted") continue;
    for (const char* key : {"seconds", "images_per_second", "command"}) json.erase(key);
    result.push_back(json);
  }
  return result;
}

// Waits until the file has been written anew, or the program has ended.
class Rewritten {
 public:
  explicit Rewritten(const std::string& path) : path_(path), before_(time()) {}
  bool operator()() const { return time() != before_ && !content(path_).empty(); }

 private:
  std::filesystem::file_time_type time() const {
    std::error_code ignored;
    return std::filesystem::last_write_time(path_, ignored);
  }

  std::string path_;
  std::filesystem::file_time_type before_;
};

}  // namespace espalier::testing
