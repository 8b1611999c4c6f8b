// Log: opening, going on, and writing.
#include "examples/cli/log.h"

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/beside.h"

namespace espalier::cli {
namespace {

// Whether the line tells of something that a checkpoint after so many epochs has seen.
bool belongs(const std::string& line, int epochs_done) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return false;  // a half line, from when the machine went down
  const auto epoch = json.find("epoch");
  return epoch == json.end() || !epoch->is_number() || epoch->get<double>() <= epochs_done;
}

}  // namespace

std::string log_path(const std::string& model_path) { return beside(model_path, ".log.jsonl"); }

Log::Log(const std::string& model_path) : path_(log_path(model_path)) {
  std::error_code error;
  if (!std::filesystem::exists(model_path, error)) commit();
}

Log::Log(const std::string& model_path, const std::string& from, int epochs_done)
    : path_(log_path(model_path)) {
  std::ifstream old(log_path(from));  // there may be none: the model alone was brought here
  for (std::string line; std::getline(old, line);)
    if (belongs(line, epochs_done)) waiting_ += line + "\n";
  empty_ = waiting_.empty();
  std::error_code error;
  if (!std::filesystem::exists(model_path, error) ||
      std::filesystem::equivalent(model_path, from, error))
    commit();
}

void Log::write(const Json& line) {
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  empty_ = false;
  if (!file_.is_open()) {
    waiting_ += text;
    return;
  }
  file_ << text << std::flush;
  check(file_.good(), path_, ": cannot be written, the disk may be full");
}

void Log::commit() {
  if (file_.is_open()) return;
  write_file(path_, waiting_);
  file_.open(path_, std::ios::app);
  check(file_.good(), path_, ": cannot be written");
}

}  // namespace espalier::cli
