// Log: what is kept of one, and writing.
#include "examples/cli/log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "examples/cli/beside.h"

namespace espalier::cli {
namespace {

const char* const kWeights = "weights";

}  // namespace

std::string log_path(const std::string& model_path) { return beside(model_path, ".log.jsonl"); }

std::vector<std::string> log_lines(const std::string& model_path) {
  std::ifstream file(log_path(model_path));  // there may be none: the model alone was brought here
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (Json::parse(line, nullptr, false).is_object()) lines.push_back(line);
  return lines;
}

std::vector<std::string> log_lines(const std::string& model_path, const Checkpoint& read) {
  std::vector<std::string> lines = log_lines(model_path);
  const std::string weights = layers::fingerprint(read.model);
  bool any = false;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json line = Json::parse(lines[i]);
    any |= line.contains(kWeights);
    if (line.value(kWeights, Json()) == weights) kept = i + 1;
  }
  if (any) {
    lines.resize(kept);
  } else if (read.progress) {
    std::erase_if(lines, [&](const std::string& text) {
      const Json line = Json::parse(text), epoch = line.value("epoch", Json());
      return epoch.is_number() && epoch.get<double>() > read.progress->epochs_done;
    });
  }
  return lines;
}

Log::Log(const std::string& model_path, const std::vector<std::string>& lines)
    : path_(log_path(model_path)), empty_(lines.empty()) {
  for (const std::string& line : lines) waiting_ += line + "\n";
  const std::vector<std::string> there = log_lines(model_path);
  const bool goes_on = !lines.empty() && lines.size() <= there.size() &&
                       std::equal(lines.begin(), lines.end(), there.begin());
  std::error_code error;
  if (goes_on || !std::filesystem::exists(model_path, error)) commit();
}

void Log::write(Json line, const layers::Model* about) {
  if (about) line[kWeights] = layers::fingerprint(*about);
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  empty_ = false;
  if (committed_)
    append_to_file(path_, text);
  else
    waiting_ += text;
}

void Log::commit() {
  if (committed_) return;
  write_file(path_, waiting_);
  committed_ = true;
}

}  // namespace espalier::cli
