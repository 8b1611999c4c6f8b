// Outcome: what a pruning removed, in words, as JSON, and from there.
#pragma once

#include <string>

#include "examples/cli/json.h"
#include "pruning/pruner.h"

namespace espalier::cli {

Json json_of(const pruning::Outcome& outcome);         // its lists
std::string text_of(const pruning::Outcome& outcome);  // a table, a list a line

Json to_json(const pruning::Outcome& outcome);    // all of it
pruning::Outcome outcome_from(const Json& json);  // throws Json::exception

}  // namespace espalier::cli
