// Lesson 10: fine-tuning. All at once, or step by step?
//
// At a high sparsity pruning alone ruins a network; training on repairs most of it. One-shot takes
// all weights at the start and leaves the whole budget of epochs for the repair. Gradual takes much
// at first and less and less later (the cubic schedule: s(t) = s (1 - (1 - t / T)^3)), so that the
// network adapts on the way; but its final mask has fewer epochs left, and the lower rates. Both
// get the same epochs and the same rates here, or the comparison would be of budgets. Held-out
// pictures draw the curve, the test pictures are asked once, at its end.
//
// How much is a difference worth? n pictures, of which the share p is right, tell p only to within
// sqrt(p (1 - p) / n), and another seed gives another network. A small set runs with three seeds; a
// large one with one, which proves little.
//
//   make && build/examples/10_finetuning [FOLDER]
//
// Prints:
//   ...
//   the trained network: 95.9 % of the test pictures right, +- 0.4
//   98 % of the weights go, 4 epochs
//   seed  one-shot  gradual
//   0     95.7 %    95.1 %
//   1     95.5 %    95.0 %
//   2     95.8 %    94.8 %
//   one-shot  ######################################    95.6 % +- 0.5
//   gradual   ######################################    95.0 % +- 0.5
//   lessons/10_finetuning.svg: drawn
#include "course/course.h"

#include <cmath>
#include <cstdio>

using namespace espalier;

constexpr double kSparsity = 0.98;

// Prunes by this schedule while training on. The curve gets a point every half an epoch.
double finetune(const layers::Model& model, const course::Parts& parts,
                const pruning::Schedule& schedule, int epochs, int seed,
                charts::ChartSeries& curve) {
  optim::SGD sgd(model, {.lr = 0.02f, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  const optim::Schedule rate = optim::cosine({.lr = 0.02});
  pruning::Pruner prune(model,
                        {.sparsity = schedule, .scope = {.global = true}});  // magnitude of weights
  model.train();
  curve.points = {{0, course::accuracy(model, parts.validation)}};
  for (auto& batch : datasets::epochs(
           parts.data.train, epochs,
           {.batch = 128, .crop = 4, .flip = true, .seed = static_cast<std::uint64_t>(seed)})) {
    sgd.set_lr(rate.at(batch.step, batch.steps_per_epoch * epochs));
    cross_entropy(outputs_of(model, batch.images), batch.labels).backward();
    sgd.step();  // what is masked stays exactly zero, its momentum too
    prune.step(batch);
    const double time = static_cast<double>(batch.step + 1) / batch.steps_per_epoch;
    const bool half = (batch.step + 1) * 2 % batch.steps_per_epoch < 2;
    if (batch.step == 0 || half)
      curve.points.push_back({time, course::accuracy(model, parts.validation)});
  }
  return course::accuracy(model, parts.data.test);
}

void lesson(const datasets::Data& data) {
  const layers::Model dense = course::trained_convnet(data);
  const course::Parts parts = course::hold_out(data);
  const double before = course::accuracy(dense, data.test);
  std::printf("the trained network: %.1f %% of the test pictures right, +- %.1f\n", 100 * before,
              100 * course::uncertainty(before, data.test.size()));
  const bool large = data.train.size() > 20000;
  const int epochs = large ? 3 : 4, seeds = large ? 1 : 3;
  char gone[40];
  std::snprintf(gone, sizeof gone, "%.0f %% of the weights go", 100 * kSparsity);
  std::printf("%s, %d epochs\nseed  one-shot  gradual\n", gone, epochs);

  std::vector<double> found[2];
  charts::Chart chart{.title = "All at once, or step by step",
                      .subtitle = gone,
                      .x = {.label = "epochs of fine-tuning"},
                      .y = {.label = "validation accuracy", .percent = true},
                      .series = {{.name = "one-shot"}, {.name = "gradual"}},
                      .level = course::accuracy(dense, parts.validation),
                      .level_name = "before"};
  for (int seed = 0; seed < seeds; ++seed) {
    for (int way = 0; way < 2; ++way)
      found[way].push_back(finetune(dense.clone(), parts,
                                    way == 0 ? pruning::one_shot(kSparsity)
                                             : pruning::cubic(0, kSparsity, {.end = epochs * 0.6}),
                                    epochs, seed, chart.series[way]));
    std::printf("%d     %.1f %%    %.1f %%\n", seed, 100 * found[0].back(), 100 * found[1].back());
  }
  for (int way = 0; way < 2; ++way) {
    double mean = 0, square = 0;
    for (const double a : found[way]) mean += a / seeds;
    for (const double a : found[way]) square += (a - mean) * (a - mean);
    // The larger of what pictures and seeds leave open.
    const double open = std::max(course::uncertainty(mean, data.test.size()),
                                 seeds > 1 ? std::sqrt(square / (seeds - 1)) : 0.0);
    std::printf("%-8s  %s  %.1f %% +- %.1f\n", way == 0 ? "one-shot" : "gradual",
                course::bar(mean).c_str(), 100 * mean, 100 * open);
  }
  if (seeds == 1)
    std::printf("one seed: proves little. Run it with others before you believe it\n");
  course::draw("10_finetuning", chart);
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
