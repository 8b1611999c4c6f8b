// Lesson 2: a convolutional network, trained. The loop that every later lesson takes for granted,
// written out: batches, loss, way back, step; a rate that falls; and three sets of pictures, each
// with its own task. The network is kept in the folder lessons for the lessons that follow.
//
//   build/examples/02_convnet [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   layer   type           output                 parameters      nonzero            MAC
//   conv1   Conv2d         [1, 32, 32, 32]               896          896        884,736
//   ...
//   total                  [1, 10]                 2,122,186    2,122,186      7,705,600
//   epoch   loss  training  validation
//       1  2.281    13.3 %      20.1 %  ########
//       2  1.915    29.6 %      45.9 %  ##################
//   ...
//      12  0.171    94.6 %      96.7 %  #######################################
//   test, asked once: 95.9 +- 0.4 %
//   lessons/02_convnet.svg: drawn
#include "course/course.h"

#include <cmath>
#include <cstdio>

using namespace espalier;

namespace {

void run(const datasets::Data& all) {
  // Weights are learned from the training pictures. Whatever else is chosen (this rate, this number
  // of epochs) is chosen by pictures held out of them. The test pictures choose nothing: asked
  // often enough, they would be one more training set, and their accuracy a flattery.
  const auto [data, validation] = course::hold_out(all);
  const auto picture = Shape{data.train.channels, data.train.height, data.train.width};
  layers::Model model = layers::ConvNet(static_cast<int>(data.train.classes.size()), 0, picture);
  std::printf("%s", layers::summary(model).table().c_str());
  const int epochs = course::enough_epochs(data.train);

  // Momentum m = 0.9 m + g, w -= lr (g + 0.9 m) (Nesterov). Weight decay adds 5e-4 w to g: weights
  // that nothing holds up shrink, which will matter when we look for some to remove.
  const float lr = 0.05f;
  optim::SGD sgd(model, {.lr = lr, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  const optim::Schedule rate = optim::cosine({.lr = lr});  // large steps first, fine ones last

  charts::ChartSeries training{.name = "training"}, held_out{.name = "validation"};
  double loss = 0;
  std::int64_t right = 0;
  std::printf("epoch   loss  training  validation\n");
  // A crop shifted by up to 4 pixels, and a mirror image every other time: the network never sees
  // the same picture twice, so it cannot learn them by heart.
  for (auto& batch :
       datasets::epochs(data.train, epochs, {.batch = 128, .crop = 4, .flip = true})) {
    sgd.set_lr(rate.at(batch.step, batch.steps_per_epoch * epochs));
    const Tensor logits = model(batch.images);             // [N, classes]
    Tensor mistake = cross_entropy(logits, batch.labels);  // -log of what the right class got
    mistake.backward();                                    // lesson 1, 2.1 million times over
    sgd.step();

    loss += static_cast<double>(mistake.item());
    right += count_correct(logits, batch.labels);
    if (!batch.last_of_epoch) continue;
    const double seen = static_cast<double>(right) / static_cast<double>(data.train.size());
    const double unseen = course::accuracy(model, validation);
    std::printf("%5d  %5.3f  %6.1f %%  %8.1f %%  %s\n", batch.epoch + 1,
                loss / static_cast<double>(batch.steps_per_epoch), 100 * seen, 100 * unseen,
                course::bar(unseen).c_str());
    training.points.push_back({batch.epoch + 1.0, seen});
    held_out.points.push_back({batch.epoch + 1.0, unseen});
    loss = 0;
    right = 0;
  }

  // n pictures, each right with probability p: the share has the deviation sqrt(p (1 - p) / n).
  // Two networks whose accuracies differ by less are not known to differ.
  const double p = course::accuracy(model, data.test);
  std::printf("test, asked once: %.1f +- %.1f %%\n", 100 * p,
              100 * std::sqrt(p * (1 - p) / static_cast<double>(data.test.size())));
  course::keep_convnet(model, all);
  course::draw("02_convnet", {.title = "A ConvNet learns",
                              .subtitle = data.name,
                              .x = {.label = "Epoch"},
                              .y = {.label = "Accuracy", .percent = true, .include = 0},
                              .series = {training, held_out}});
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
