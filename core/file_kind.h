// FileKind: what a file of another format is, told by its first bytes, for the message that refuses
// it. Knows names of formats only, and reads none of them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace espalier {

struct FileKind {
  std::string what;     // "a PyTorch file (.pt, .pth)"; empty where it is not known
  std::string instead;  // what to do where a model is expected; empty where nothing helps
  bool safetensors = false;

  // What it is, or `unknown` where that is not known.
  const std::string& or_else(const std::string& unknown) const {
    return what.empty() ? unknown : what;
  }
};

// The advice names the path.
FileKind kind_of(std::span<const std::byte> bytes, const std::string& path);

// The same of the file's beginning; not known where it cannot be read.
FileKind kind_of_file(const std::string& path);

}  // namespace espalier
