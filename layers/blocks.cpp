// Blocks: the nodes that they add.
#include "layers/blocks.h"

#include "layers/activation.h"
#include "layers/merge.h"

namespace espalier::layers {

Value Sequential::append(Graph& graph, const std::string& path, Value input) const {
  Value value = input;
  for (const Child& child : children_) value = child.append(graph, path, value);
  return value;
}

Value Residual::append(Graph& graph, const std::string& path, Value input) const {
  const Value main = main_.append(graph, path, input);
  const Value past = shortcut_.append(graph, join(path, "shortcut"), input);
  const Value sum = graph.add(path, Add(), {main, past});
  return options_.relu ? graph.add(join(path, "relu"), ReLU(), sum) : sum;
}

Value Branches::append(Graph& graph, const std::string& path, Value input) const {
  std::vector<Value> results;
  for (const Child& child : paths_) results.push_back(child.append(graph, path, input));
  return graph.add(path, Concat(), std::move(results));
}

}  // namespace espalier::layers
