// Lesson 3: look at the weights. Most of what a trained layer holds is small: a histogram by layer
// shows it, a table shows how little of the layer's sum of squares the smallest ones carry, and
// removing them shows that this is why they can go.
//
//   build/examples/03_weights [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   fc1, weights in standard deviations
//    -3.0
//    -2.5  #
//    -2.0  ##
//    -1.5  #######
//    -1.0  #####################
//    -0.5  #######################
//     0.0  ########################
//   ...
//   share of the sum of squares in the smallest     50 %      80 %      90 %
//   fc1.weight before training                       12.5 %    51.2 %    72.9 %
//   conv1.weight                                      5.0 %    24.2 %    42.3 %
//   conv2.weight                                      5.7 %    26.5 %    44.5 %
//   fc1.weight                                        8.4 %    35.6 %    52.3 %
//   fc2.weight                                        3.1 %    20.6 %    40.5 %
//   validation accuracy without                     50 %      80 %      90 %
//   the smallest                                     91.3 %    60.6 %    33.0 %
//   random ones                                      30.4 %    10.4 %    10.0 %
//   the largest                                      10.0 %    10.0 %    10.0 %
//   nothing removed: 96.7 %
//   lessons/03_weights.svg: drawn
#include "course/course.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace espalier;

namespace {

constexpr double kShares[] = {0.5, 0.8, 0.9};

std::vector<Parameter> weights_of(const layers::Model& model) {
  std::vector<Parameter> found;
  for (const Parameter& p : model.parameters())
    if (p.shape().rank() > 1) found.push_back(p);  // biases are a thousandth, and not looked at
  return found;
}

double deviation(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// The share of weights in each bin, a quarter of a deviation wide, from -5 to 5 deviations.
charts::ChartSeries histogram(const Parameter& weight) {
  const std::vector<float> values = weight.to_vector();
  const double unit = deviation(values);
  std::vector<std::int64_t> count(41, 0);
  for (const float v : values) {
    const long bin = std::lround(v / unit * 4) + 20;
    if (bin >= 0 && bin < 41) ++count[static_cast<std::size_t>(bin)];
  }
  charts::ChartSeries series{.name = weight.name()};
  for (int b = 0; b < 41; ++b)
    if (count[b] > 0)
      series.points.push_back(
          {(b - 20) / 4.0, static_cast<double>(count[b]) / static_cast<double>(values.size())});
  return series;
}

// Removing weights changes the layer's matrix by their squares: || W - W' ||^2 is their sum. Of all
// ways to set so many to zero, the smallest ones make it least.
void print_tail(const char* name, const Parameter& weight) {
  std::vector<float> values = weight.to_vector();
  std::sort(values.begin(), values.end(), [](float a, float b) { return a * a < b * b; });
  const double all = std::pow(deviation(values), 2) * static_cast<double>(values.size());
  std::printf("%-45s", name);
  for (const double share : kShares) {
    double sum = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(share * values.size()); ++i)
      sum += static_cast<double>(values[i]) * values[i];
    std::printf("%8.1f %%", 100 * sum / all);
  }
  std::printf("\n");
}

void print_without(const char* name, const layers::Model& model,
                   const pruning::Criterion& criterion, const datasets::Dataset& validation) {
  std::printf("%-45s", name);
  for (const double share : kShares) {
    const layers::Model copy = model.clone();
    pruning::prune(copy, {.structure = pruning::Weight, .criterion = criterion}, share);
    std::printf("%8.1f %%", 100 * course::accuracy(copy, validation));
  }
  std::printf("\n");
}

void run(const datasets::Data& all) {
  const layers::Model model = course::trained_convnet(all);
  const auto [data, validation] = course::hold_out(all);

  charts::Chart chart{.title = "Weights by layer",
                      .subtitle = data.name,
                      .x = {.label = "Weight, in standard deviations of its layer"},
                      .y = {.label = "Share of the layer's weights", .log = true}};
  for (const Parameter& weight : weights_of(model)) chart.series.push_back(histogram(weight));
  std::printf("fc1, weights in standard deviations\n");
  for (const charts::ChartPoint& p : chart.series[2].points)
    if (std::abs(p.x) <= 3 && std::fmod(p.x, 0.5) == 0)
      std::printf("%5.1f  %s\n", p.x, course::bar(p.y / 0.15).c_str());

  // Weights begin uniform, of which the smallest share p carries p^3; of Gaussian ones half carry
  // 7.1 %. Training has pulled a few out and let the others shrink: the tail got heavier.
  std::printf("share of the sum of squares in the smallest     50 %%      80 %%      90 %%\n");
  const layers::Model untrained = model.clone();
  untrained.initialize(0);
  print_tail("fc1.weight before training", untrained.parameter("fc1.weight"));
  for (const Parameter& weight : weights_of(model)) print_tail(weight.name().c_str(), weight);

  // The same number of weights gone from each layer, three ways. Nothing is trained afterwards.
  std::printf("validation accuracy without                     50 %%      80 %%      90 %%\n");
  const auto largest = pruning::criterion("largest", [](const pruning::Candidates& weights) {
    pruning::Scores score(weights.count);
    weights.each([&](const pruning::Member& member, auto i, auto weight) {
      score[weight] = -std::abs(member.parameter.data()[i]);
    });
    return score;
  });
  print_without("the smallest", model, pruning::magnitude(), validation);
  print_without("random ones", model, pruning::random(), validation);
  print_without("the largest", model, largest, validation);
  std::printf("nothing removed: %.1f %%\n", 100 * course::accuracy(model, validation));
  course::draw("03_weights", chart);
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
