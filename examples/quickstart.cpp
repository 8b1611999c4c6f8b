// Quick start: the whole of a training program. quickstart [FOLDER] trains the ConvNet for six
// epochs on the folder's pictures, or on the generated set, takes half of its filters on the way,
// and prints its accuracy.
#include <espalier.h>

#include <cstdio>

using namespace espalier;

int main(int argc, char** argv) try {
  auto data = argc > 1 ? datasets::open(argv[1]) : datasets::shapes();
  auto model = layers::ConvNet(10);  // or a Sequential of your own
  auto opt = optim::SGD(model, {.lr = 0.05, .momentum = 0.9, .nesterov = true});

  auto prune = pruning::Pruner(model, {.structure = pruning::Filter,
                                       .criterion = pruning::taylor(),
                                       .sparsity = pruning::cubic(0, 0.5, {.begin = 2, .end = 4})});

  for (auto& batch : datasets::epochs(data.train, 6, {.batch = 128, .crop = 4, .flip = true})) {
    Tensor loss = cross_entropy(model(batch.images), batch.labels);
    loss.backward();
    opt.step();         // what is pruned stays exactly zero, and so does its momentum
    prune.step(batch);  // moves the masks when the schedule says so
  }

  model.eval();
  NoGrad off;
  std::int64_t correct = 0;
  for (auto& batch : datasets::epochs(data.test, 1, {.shuffle = false}))
    correct += count_correct(model(batch.images), batch.labels);
  std::printf("%.1f %% of %lld test pictures, %.0f %% of the filters gone\n",
              100.0 * correct / data.test.size(), static_cast<long long>(data.test.size()),
              100 * prune.sparsity());
  pruning::compact(model);  // what is gone leaves the network; the outputs stay, or it is an error
  // With what `espalier predict` needs to know: normalisation and classes.
  layers::save(model, "convnet.safetensors",
               {.metadata = datasets::metadata(datasets::input_info(data))});
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
