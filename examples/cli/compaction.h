// Compaction as the commands state it.
#pragma once

#include <string>

#include "examples/cli/json.h"
#include "pruning/compaction/compact.h"

namespace espalier::cli {

// Of --format and --judge; a UsageError where the word is another.
pruning::Format format_option(const std::string& word);
bool judged_by_training(const std::string& word);

// Tables: the units that left, the layers and their forms, and the largest difference.
std::string text_of(const pruning::Compaction& compaction);
// How the file came about, beside it, once it is written; the log goes on after these lines.
void log_compaction(const pruning::Compaction& compaction, const layers::Model& model,
                    const std::string& model_path, const std::vector<std::string>& lines = {});
Json json_of(const std::vector<pruning::LayerForm>& forms);
// "max_error", "units", "blocks" and "forms"
Json json_of(const pruning::Compaction& compaction);

}  // namespace espalier::cli
