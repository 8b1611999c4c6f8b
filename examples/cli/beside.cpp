// Beside: one ending is taken off, so that no two names become one.
#include "examples/cli/beside.h"

#include <filesystem>
#include <string_view>

#include "core/error.h"

namespace espalier::cli {

constexpr std::string_view kEnding = ".safetensors";

std::string without_ending(const std::string& model_path) {
  const std::string name = std::filesystem::path(model_path).filename().string();
  if (!name.ends_with(kEnding) || name.size() == kEnding.size()) return model_path;
  return model_path.substr(0, model_path.size() - kEnding.size());
}

std::string beside(const std::string& model_path, const std::string& ending) {
  return without_ending(model_path) + ending;
}

void check_model_path(const std::string& path) {
  const std::string bare = without_ending(path);
  const std::string other = bare == path ? path + std::string(kEnding) : bare;
  std::error_code error;
  check(!std::filesystem::is_regular_file(other, error), path, ": found ", other,
        " beside it, whose log has the same name, expected another name");
}

}  // namespace espalier::cli
