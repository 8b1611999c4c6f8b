// Log: one JSON object a line, beside the model, written as training goes along.
#pragma once

#include <fstream>
#include <limits>
#include <string>

#include "examples/cli/json.h"

namespace espalier::cli {

// The log of "dir/model.safetensors": "dir/model.log.jsonl".
std::string log_path(const std::string& model_path);

// While a model of this name is there, the log beside it is that model's: a new one takes its place
// together with the new model.
class Log {
 public:
  explicit Log(const std::string& model_path);  // a new one, empty
  // One that goes on where the log of `from`, which may be the same model, stood after so many
  // epochs: its lines of later ones are dropped.
  Log(const std::string& model_path, const std::string& from, int epochs_done = kAll);

  void write(const Json& line);  // at once in the file, or with commit()
  void commit();                 // the model has been written
  bool empty() const { return empty_; }

 private:
  static constexpr int kAll = std::numeric_limits<int>::max();

  std::string path_, waiting_;  // lines that are not in the file yet
  std::ofstream file_;          // open from commit() on
  bool empty_ = true;
};

}  // namespace espalier::cli
