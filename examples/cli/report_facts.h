// ReportFacts: everything that a report says, as measured on model files and read from the logs
// beside them. The first file is what the others are compared with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/cli/bench_model.h"
#include "examples/cli/data_options.h"
#include "examples/cli/evaluate.h"
#include "examples/cli/report_log.h"
#include "layers/layers.h"

namespace espalier::cli {

// A convolution or linear layer, as it once was and as it is.
struct ReportLayer {
  std::string name;
  std::int64_t weights = 0, weights_left = 0;  // without biases; left: not zero
  std::int64_t units = 0, units_left = 0;      // filters or neurons that make something
};

struct ReportFile {
  std::string path, name;  // name: short, and another one for each file
  std::string network;     // "convnet"; may be empty
  LogFacts log;
  // Of the test pictures, where it was evaluated now or in the log's last epoch. `images` is 0
  // where it is not known on how many; a loss that is not known is not a number.
  std::optional<double> accuracy;
  double loss = 0;
  std::int64_t images = 0;
  std::string evaluated_on;  // the name of the data these are of; may be empty
  std::int64_t parameters = 0, nonzero = 0;
  std::int64_t macs = 0, macs_nonzero = 0;  // as eval counts them
  std::int64_t macs_run = 0;                // of sparse layers those of nonzeros, else all
  std::int64_t bytes = 0, memory = 0;
  std::optional<BatchSpeed> speed;
  std::vector<ReportLayer> layers;  // in the order in which they run; what left is not among them
  layers::Model model;              // with every layer dense

  std::string kind, state;  // as in size.h

  std::int64_t weights() const, weights_left() const;  // once, and now; of all layers
  double gone() const;                                 // share of the weights that once were
  std::optional<double> deviation() const;             // of the accuracy, as a binomial share
};

struct ReportFacts {
  std::vector<ReportFile> files;
  int batch = 0;          // pictures at a time where speed was measured; 0: it was not
  bool training = false;  // whether the speed of training was, too
  std::string system;

  const ReportFile& first() const { return files.front(); }
  const ReportFile& last() const { return files.back(); }
};

// What is known of a file already, as long as its weights are still those that were evaluated.
struct Known {
  Evaluation evaluation;
  std::string weights;  // their fingerprint
};

struct FactOptions {
  std::map<std::string, Known> evaluations = {};  // by path
  std::optional<ModelSpeed> speed = {};           // likewise, of the files in their order
  std::optional<ModelBenchOptions> bench = {};    // else to be measured in this way
  DataOptions data = {};   // with a folder: to evaluate on it what is not known already
  std::string model = {};  // the built-in model of files that hold weights alone
  const datasets::Data* loaded = nullptr;  // the data of `evaluations`, in place of the folder
};

// An Error that names the file where one cannot be read.
ReportFacts collect_facts(const std::vector<std::string>& files, const FactOptions& options);

}  // namespace espalier::cli
