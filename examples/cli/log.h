// Log: one JSON object a line, beside the model, written as training goes along. A line that tells
// of the weights in the model's file has their fingerprint as "weights", so that no log, be it that
// of another training or one that is ahead of its model, is taken for one of other weights.
#pragma once

#include <string>
#include <vector>

#include "examples/cli/checkpoint.h"
#include "examples/cli/json.h"

namespace espalier::cli {

// The log of "dir/model.safetensors": "dir/model.log.jsonl".
std::string log_path(const std::string& model_path);

// The lines of the log beside the model, but for one that is cut short.
std::vector<std::string> log_lines(const std::string& model_path);
// Of these, those up to the last about the weights that were read from the model's file; none where
// all are about others. A log without fingerprints is taken as it is, less later epochs.
std::vector<std::string> log_lines(const std::string& model_path, const Checkpoint& read);

// While a model of this name is there, the log beside it is that model's: one that does not go on
// with it takes its place together with the new model.
class Log {
 public:
  // A new one, or one that goes on after these lines.
  explicit Log(const std::string& model_path, const std::vector<std::string>& lines = {});

  // At once in the file, or with commit(). With a model, a line about its weights.
  void write(Json line, const layers::Model* about = nullptr);
  void commit();  // the model has been written
  bool empty() const { return empty_; }

 private:
  std::string path_, waiting_;  // lines that are not in the file yet
  bool committed_ = false, empty_;
};

}  // namespace espalier::cli
