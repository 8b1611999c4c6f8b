// Log: one JSON object a line, beside the model, written as training goes along.
#pragma once

#include <fstream>
#include <string>

#include "examples/cli/json.h"

namespace espalier::cli {

// The log of "dir/model.safetensors": "dir/model.log.jsonl".
std::string log_path(const std::string& model_path);

class Log {
 public:
  explicit Log(const std::string& model_path);  // a new one, empty
  // One that goes on where the log of `from`, which may be the same model, stood after so many
  // epochs: its lines of later ones are dropped.
  Log(const std::string& model_path, const std::string& from, int epochs_done);

  void write(const Json& line);  // at once in the file
  bool empty() const { return empty_; }
  const std::string& path() const { return path_; }

 private:
  void begin(const std::string& lines);

  std::string path_;
  std::ofstream file_;
  bool empty_ = true;
};

}  // namespace espalier::cli
