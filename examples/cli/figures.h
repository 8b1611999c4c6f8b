// The figures that eval, prune and the other commands agree on.
#pragma once

#include <string>

#include "examples/cli/evaluate.h"
#include "examples/cli/size.h"

namespace espalier::cli {

// accuracy, accuracy_deviation, loss, images, and those of the size
Json json_of(const Evaluation& evaluation, const Size& size);
// The same as two lines for people.
std::string text_of(const Evaluation& evaluation, const Size& size);

}  // namespace espalier::cli
