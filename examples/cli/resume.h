// Resuming: a training or pruning that was interrupted goes on as if it had not been, or is refused
// where something that it depends on has changed.
#pragma once

#include <string>

#include "examples/cli/model_source.h"

namespace espalier::cli {

// The command that goes on with what is in `file`: "espalier train --resume FILE --data DIR --out
// OUT", or that of prune.
std::string resume_command(const Checkpoint& checkpoint, const std::string& file,
                           const std::string& out);

// The checkpoint of an interrupted training, with its data, or, for `command` "prune", of an
// interrupted pruning. An Error where the file holds no such thing, which names the command that
// goes on with what it does hold, or where the data is not that of the training.
ModelAndData load_interrupted(const ModelSource& source, const std::string& command);
// An Error that names the command to resume by where a training or pruning was interrupted.
void check_finished(const Checkpoint& checkpoint, const std::string& file);

// A resumed `what` goes on by its own options: a UsageError where the JSON of those that were asked
// for says otherwise.
void expect_same(const Json& asked, const Json& stored, const std::string& what,
                 const std::string& file);

// Where a training or pruning stands: "in level 2 of 5, after epoch 3 of 12 and step 20".
std::string position(const Checkpoint& checkpoint);

}  // namespace espalier::cli
