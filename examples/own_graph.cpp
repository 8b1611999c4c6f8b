// A network that is no chain: two branches, a concatenation and a gate (squeeze-and-excitation).
// own_graph [FOLDER] trains it, prunes half of its filters and saves what is left.
#include <espalier.h>

#include <cstdio>

using namespace espalier;
using namespace espalier::layers;

int main(int argc, char** argv) try {
  auto data = argc > 1 ? datasets::open(argv[1]) : datasets::shapes();
  const Shape input{data.train.channels, data.train.height, data.train.width};
  Graph graph;
  Value wide = graph.add("wide", Conv2d(input[0], 24, {.stride = 2, .padding = 1}), kInput);
  Value point = graph.add("point", Conv2d(input[0], 8, {.kernel = 1, .stride = 2}), kInput);
  Value both = graph.add("both", Concat(), {wide, point});
  Sequential gate, head;
  gate.add(GlobalAvgPool()).add(Conv2d(32, 8, {.kernel = 1})).add(ReLU());
  gate.add(Conv2d(8, 32, {.kernel = 1})).add(Sigmoid());
  Value gated = graph.add("gated", Mul(), {both, graph.add("gate", gate, both)});
  head.add(BatchNorm(32)).add(ReLU()).add(Conv2d(32, 32)).add(ReLU());
  head.add(GlobalAvgPool()).add(Flatten()).add(Linear(32, 10));
  graph.add("head", head, gated);
  Model model(std::move(graph), input, /*seed=*/0, "gated");

  auto opt = optim::SGD(model, {.lr = 0.05, .momentum = 0.9});
  auto prune = pruning::Pruner(model, {.structure = pruning::Filter,
                                       .criterion = pruning::taylor(),
                                       .sparsity = pruning::cubic(0, 0.5, {.begin = 1, .end = 3})});
  for (auto& batch : datasets::epochs(data.train, 4, {.batch = 128})) {
    cross_entropy(model(batch.images), batch.labels).backward();
    opt.step();
    prune.step(batch);
  }
  std::printf("%s", pruning::compact(model).table().c_str());
  save(model, "gated.safetensors", {.metadata = datasets::metadata(datasets::input_info(data))});
} catch (const Error& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
