// Log: one JSON object a line, beside the model, written as training goes along.
#pragma once

#include <fstream>
#include <string>

#include "examples/cli/commands.h"

namespace espalier::cli {

// The log of "dir/model.safetensors": "dir/model.log.jsonl".
std::string log_path(const std::string& model_path);

class Log {
 public:
  // A new training begins a new log; a resumed one keeps the lines of the epochs that the
  // checkpoint has and drops the others.
  Log(const std::string& model_path, bool resumed, int epochs_done);

  void write(const Json& line);  // at once in the file
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace espalier::cli
