// Beside: the names of the files that belong to a model's file, such as its log.
#pragma once

#include <string>

namespace espalier::cli {

// A path without ".safetensors" at its end; with any other ending, it is kept whole.
std::string without_ending(const std::string& model_path);

// Of "dir/net.safetensors" and ".log.jsonl" it is "dir/net.log.jsonl", and of "dir/net-0.5" it is
// "dir/net-0.5.log.jsonl": no two models share one, but "net" and "net.safetensors".
std::string beside(const std::string& model_path, const std::string& ending);

// An Error where the log of a model of this path would be that of another model which is there.
void check_model_path(const std::string& path);

}  // namespace espalier::cli
