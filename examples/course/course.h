// Course: what the lessons share, so that each shows only what it is about. Everything here uses
// the public interface; lesson 2 shows the loop that train() runs.
#pragma once

#include <espalier.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "charts/chart.h"

namespace espalier::course {

// The lesson's main: runs it, and says what is wrong in one sentence. 0, or 1 after an error.
int lesson(int argc, char** argv, void (*run)(const datasets::Data& data));

// The folder that the lesson was given, else $ESPALIER_DATA, else the generated set of ten shapes.
datasets::Data find_data(int argc, char** argv);

// A tenth of the training pictures is held out, always the same: whatever is chosen (a criterion, a
// sparsity, a rate) is chosen by these, and the test pictures are asked once, at the end.
struct Parts {
  datasets::Data data;  // to train on what is left
  datasets::Dataset validation;
};
Parts hold_out(const datasets::Data& data);

struct Training {
  int epochs = 4;
  float lr = 0.05f;  // falls to 0 by a cosine
  bool print = false;
};
// SGD with Nesterov momentum on augmented pictures. Optimiser state that is there is gone on with.
void train(const layers::Model& model, const datasets::Data& data, const Training& how = {});

// Epochs in which the ConvNet learns these pictures well enough to study it: 4 of CIFAR-10's, more
// of a small set, up to 12.
int enough_epochs(const datasets::Dataset& train);
// The ConvNet after so many on these pictures but for those that hold_out() holds out. Trained
// once: it is kept in the folder lessons, where other lessons find it again. `data` is that of
// find_data(), whole.
layers::Model trained_convnet(const datasets::Data& data);
// Keeps another one in its place, without its optimiser state.
void keep_convnet(const layers::Model& model, const datasets::Data& data);

// The share of right answers; of the first `pictures` only, where that is above 0.
double accuracy(const layers::Model& model, const datasets::Dataset& test,
                std::int64_t pictures = 0);

// What chance leaves open in a share of right answers: sqrt(p (1 - p) / pictures), one deviation.
double uncertainty(double share, std::int64_t pictures);

// The largest difference of two networks' outputs for these pictures, in evaluation mode, relative
// to the largest output of the first.
double difference(const layers::Model& a, const layers::Model& b, const Tensor& images);

// `count` training pictures in batches of up to 128, to judge weights by.
std::vector<pruning::Examples> examples(const datasets::Dataset& train, std::int64_t count);

// Milliseconds that `work` takes: the median of several runs, after one to warm up.
double milliseconds(const std::function<void()>& work);
// Of several, run by turns, so that a busy moment of the machine hits all alike.
std::vector<double> milliseconds(const std::vector<std::function<void()>>& works);

std::string bar(double share, int width = 40);  // "########        "
// Writes lessons/NAME.svg and says so.
void draw(const std::string& name, const charts::Chart& chart);

}  // namespace espalier::course
