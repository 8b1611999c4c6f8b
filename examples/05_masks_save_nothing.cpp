// Lesson 5: masks alone save nothing. A multiplication by zero takes as long as any other, and a
// zero takes four bytes. Two prunings, nine tenths of the weights and half of the filters, are
// measured as masks and after compaction: nonzeros, bytes in the file with every index counted, and
// milliseconds. Whoever calls a network smaller or faster has to have weighed and timed it.
//
//   build/examples/05_masks_save_nothing [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   128 pictures          nonzero   file, bytes       ms
//   dense                      2122186      8490368     4.57  ####################
//   90 % of weights masked      212775     10612280     4.53  ####################
//     ... all layers sparse     212775      1279262     4.00  ##################
//     ... where it is faster    212775      1286994     3.58  ################
//   half of units masked        532202     10613128     4.50  ####################
//     ... and taken out         532202      2130744     1.50  #######
//   fc1 as compressed sparse rows
//     values         772212 bytes   9.2 %  4 bytes each
//     columns        386106 bytes   4.6 %  in as few bytes as hold the largest
//     row starts       2052 bytes   0.0 %  one more than rows
//     together      1160370 bytes  13.8 %
//     dense         8388608 bytes 100.0 %
#include "course/course.h"

#include <cstdio>
#include <filesystem>

using namespace espalier;

namespace {

struct Network {
  const char* name;
  layers::Model model;
};

layers::Model pruned(const layers::Model& model, const pruning::Method& method, double sparsity) {
  const layers::Model copy = model.clone();
  pruning::prune(copy, method, sparsity);
  return copy;
}

// Sparse layers, or fewer units: one at a time here. An error where an output would change.
layers::Model compacted(const layers::Model& model, pruning::Format format, bool units) {
  const layers::Model copy = model.clone();
  pruning::compact(copy, {.format = format, .units = units});
  return copy;
}

std::int64_t bytes_on_disk(const layers::Model& model) {
  const std::string path = "lessons/weighed.safetensors";
  layers::save(model, path);
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  std::filesystem::remove(path);
  return bytes;
}

void measure(const std::vector<Network>& networks) {
  Rng rng(0);
  const Tensor pictures = Tensor::randn(networks[0].model.batch_shape(128), rng);
  std::vector<std::function<void()>> runs;
  for (const Network& network : networks) {
    network.model.eval();
    runs.push_back([&] {
      const NoGrad off;
      network.model(pictures);
    });
  }
  // By turns, and the median of nine: the machine may be busy now and idle a second later, and so
  // must be so for all.
  const std::vector<double> ms = course::milliseconds(runs);
  std::printf("128 pictures          nonzero   file, bytes       ms\n");
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const layers::Summary all = layers::summary(networks[i].model);
    std::printf("%-24s %9lld %12lld %8.2f  %s\n", networks[i].name,
                static_cast<long long>(all.total.nonzero),
                static_cast<long long>(bytes_on_disk(networks[i].model)), ms[i],
                course::bar(ms[i] / ms[0], 20).c_str());
  }
}

// Compressed sparse rows: the values that are left, row by row; the column of each; and where each
// row starts. Whoever counts the values alone counts half of the truth.
void weigh(const layers::Model& model, const std::string& name) {
  const Pattern pattern = layers::weight_of(model.find(name)).pattern();
  if (!pattern) return;
  const std::int64_t n = pattern->nonzero(), rows = pattern->rows(), columns = pattern->row_size();
  const auto width = [](std::int64_t largest) {
    return largest < 256 ? 1 : largest < 65536 ? 2 : 4;
  };
  const std::int64_t values = 4 * n, indices = width(columns - 1) * n,
                     starts = width(n) * (rows + 1), dense = 4 * rows * columns;
  const auto line = [&](const char* what, std::int64_t bytes, const char* how) {
    std::printf("  %-11s %9lld bytes %5.1f %%  %s\n", what, static_cast<long long>(bytes),
                100.0 * static_cast<double>(bytes) / static_cast<double>(dense), how);
  };
  std::printf("%s as compressed sparse rows\n", name.c_str());
  line("values", values, "4 bytes each");
  line("columns", indices, "in as few bytes as hold the largest");
  line("row starts", starts, "one more than rows");
  line("together", values + indices + starts, "");
  line("dense", dense, "");
}

void run(const datasets::Data& data) {
  const layers::Model dense = course::trained_convnet(data);
  const layers::Model weights =
      pruned(dense, {.structure = pruning::Weight, .scope = {.global = true}}, 0.9);
  // The lower half of the filters of each convolution and of the neurons between the linear layers.
  const layers::Model units = pruned(pruned(dense, {.structure = pruning::Filter}, 0.5),
                                     {.structure = pruning::Neuron}, 0.5);
  const layers::Model sparse = compacted(weights, pruning::Format::CSR, false);
  // A sparse layer is not always the faster one. Auto times both and takes the faster.
  const layers::Model mixed = compacted(weights, pruning::Format::Auto, false);
  const layers::Model narrow = compacted(units, pruning::Format::Dense, true);
  // The file of a masked network is larger than before: every zero is in it, and the mask besides.
  measure({{"dense", dense},
           {"90 % of weights masked", weights},
           {"  ... all layers sparse", sparse},
           {"  ... where it is faster", mixed},
           {"half of units masked", units},
           {"  ... and taken out", narrow}});
  weigh(sparse, "fc1");
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
