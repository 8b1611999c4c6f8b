// The figures that eval, inspect and the other commands agree on.
#pragma once

#include <string>

#include "examples/cli/checkpoint.h"
#include "examples/cli/commands.h"
#include "examples/cli/evaluate.h"

namespace espalier::cli {

// accuracy, accuracy_deviation, loss, images, parameters, nonzero, macs, macs_nonzero, bytes
Json json_of(const Evaluation& evaluation, const layers::Summary& summary, std::int64_t bytes);
// The same as two lines for people.
std::string text_of(const Evaluation& evaluation, const layers::Summary& summary,
                    std::int64_t bytes);

}  // namespace espalier::cli
