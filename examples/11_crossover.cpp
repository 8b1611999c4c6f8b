// Lesson 11: CSR, and the density from which on it pays.
//
// A sparse layer keeps only the weights that are there: their values, the column of each, and where
// each row begins (compressed sparse rows, CSR). That costs and saves twice:
//   memory  dense 4 N bytes; CSR 4 n for n values, 4 n for their columns (2 n in a file, where the
//           columns fit into 16 bits), 4 (rows + 1) for the rows. Below half density it is smaller;
//   time    n multiply-adds in place of N, but each finds its input through the column. The dense
//           layer wastes work on zeros at almost the peak of the processor. Where the curves cross
//           depends on the layer and on the machine, so it is measured, here and by compact().
// Counts of multiply-adds alone promise 1 / density; beside that the table has what was measured.
//
//   make && build/examples/11_crossover
//
// Prints:
//   ...
//   convolution 32 -> 64, 3x3, on 16x16, 128 pictures, 18432 weights
//   density  ms dense  ms CSR  faster  promised  bytes dense  bytes CSR
//     1.0 %     2.668   0.500     5.3     100.0        73728       1732
//   ...
//    10.0 %     2.494   0.632     3.9      10.0        73728      15004
//   ...
//    50.0 %     2.549   1.990     1.3       2.0        73728      73988
//   ...
//   CSR is faster below 67 % density and smaller below 50 %
//   a ConvNet without 90 % of its weights, the same by compact()
//   ...
//   lessons/11_crossover.svg: drawn
#include "course/course.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::layers;

constexpr std::int64_t kBatch = 128;

struct Point {
  double density, dense_ms, sparse_ms;
  std::int64_t dense_bytes, sparse_bytes;  // in memory
};

// A convolution of which `density` of the weights are there, at random places.
Model layer_of(double density) {
  Model model(Sequential{{"conv", Conv2d(32, 64, {.padding = 1})}, {"relu", ReLU()}}, {32, 16, 16});
  pruning::prune(model, {.criterion = pruning::random()}, 1 - density);
  return model;
}

Point measure(double density) {
  const Model dense = layer_of(density), sparse = layer_of(density);
  Parameter weight = sparse.parameter("conv.weight");
  weight.to_csr();
  dense.eval();
  sparse.eval();
  Rng rng(1);
  const Tensor x = Tensor::randn(dense.batch_shape(kBatch), rng);
  const NoGrad off;
  // By turns, so that whatever else the machine does meets both alike.
  const auto ms = course::milliseconds({[&] { dense(x); }, [&] { sparse(x); }});
  const std::int64_t rows = weight.pattern()->rows(), n = weight.numel();
  return {density, ms[0], ms[1], 4 * weight.dense_shape().numel(), 4 * n + 4 * n + 4 * (rows + 1)};
}

// The density at which a / b, which rises, reaches 1, on the line between two points; 0: never.
template <class Ratio>
double crossing(const std::vector<Point>& points, const Ratio& ratio) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double before = ratio(points[i - 1]), now = ratio(points[i]);
    if (before < 1 && now >= 1)
      return points[i - 1].density +
             (points[i].density - points[i - 1].density) * (1 - before) / (now - before);
  }
  return ratio(points.back()) < 1 ? 1 : 0;
}

void lesson(const datasets::Data&) {
  std::printf("convolution 32 -> 64, 3x3, on 16x16, %lld pictures, %lld weights\n",
              static_cast<long long>(kBatch),
              static_cast<long long>(weight_of(layer_of(0.5).find("conv")).numel()));
  std::printf("density  ms dense  ms CSR  faster  promised  bytes dense  bytes CSR\n");
  std::vector<Point> points;
  charts::Chart chart{.title = "Dense or CSR",
                      .x = {.label = "weights that are there", .percent = true},
                      .y = {.label = "milliseconds", .include = 0},
                      .series = {{.name = "dense"}, {.name = "CSR"}}};
  for (const double density : {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) {
    const Point p = measure(density);
    points.push_back(p);
    std::printf("%5.1f %%  %8.3f  %6.3f  %6.1f  %8.1f  %11lld  %9lld\n", 100 * density, p.dense_ms,
                p.sparse_ms, p.dense_ms / p.sparse_ms, 1 / density,
                static_cast<long long>(p.dense_bytes), static_cast<long long>(p.sparse_bytes));
    chart.series[0].points.push_back({density, p.dense_ms});
    chart.series[1].points.push_back({density, p.sparse_ms});
  }
  const double time = crossing(points, [](const Point& p) { return p.sparse_ms / p.dense_ms; });
  const double bytes = crossing(points, [](const Point& p) {
    return static_cast<double>(p.sparse_bytes) / static_cast<double>(p.dense_bytes);
  });
  std::printf("CSR is faster below %.0f %% density and smaller below %.0f %%\n", 100 * time,
              100 * bytes);

  // A network of many layers: compact() measures each and takes the faster form.
  const Model model = ConvNet();
  pruning::prune(model, {.scope = {.global = true}}, 0.9);
  std::printf("a ConvNet without 90 %% of its weights, the same by compact()\n%s",
              pruning::table(pruning::compact(model).forms).c_str());
  course::draw("11_crossover", chart);
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
