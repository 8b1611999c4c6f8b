// Tree: what is done with a module and everything below it: naming, walking, copying.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layers/module.h"

namespace espalier::layers {

// "layer1" and "0" make "layer1.0"; an empty part leaves the other as it is.
std::string join(const std::string& path, const std::string& name);

// Gives every module its dotted path, and every parameter its own. An error where a child's name is
// unfit or taken, or a module stands in two places.
void name_tree(Module& root);

// Calls see() for the root and everything below, parents first, in the state_dict's order.
void walk(Module& root, const std::function<void(Module&)>& see);

// Shows the state of every module in the tree, under full dotted names.
void visit_state(Module& root, StateVisitor& visitor);

// The parameters of a module and everything below it, in that order.
std::vector<Parameter> parameters_of(Module& root);

// Gives memory to the state that has none yet and first values to all of it: each module draws from
// a stream of its own that depends on the generator's seed and the module's path alone, so adding a
// layer does not change the others.
void initialize_tree(Module& root, const Rng& rng);

// A deep copy: values, masks, optimiser state, buffers, modes. Nothing that changes is shared with
// the original: patterns never do.
std::shared_ptr<Module> clone(const Module& root);
Parameter clone(const Parameter& parameter);

}  // namespace espalier::layers
