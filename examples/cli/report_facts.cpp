// Collecting: each file is loaded, counted, and timed by turns with the others.
#include "examples/cli/report_facts.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/system.h"
#include "examples/cli/beside.h"
#include "examples/cli/data.h"
#include "examples/cli/model_source.h"
#include "examples/cli/size.h"
#include "pruning/pruning.h"

namespace espalier::cli {
namespace {

// The file's name without its ending; with its folder or a number where another one has it, too.
std::string short_name(const std::string& path, std::set<std::string>& taken) {
  const std::filesystem::path file(path);
  std::string name = without_ending(file.filename().string());
  if (taken.count(name) && file.has_parent_path())
    name = file.parent_path().filename().string() + "/" + name;
  const std::string base = name;
  for (int i = 2; taken.count(name); ++i) name = base + " " + std::to_string(i);
  taken.insert(name);
  return name;
}

// Rows of a weight that are not all zero.
std::int64_t units_of(const Parameter& weight) {
  const std::int64_t units = weight.size(0),
                     each = weight.numel() / std::max<std::int64_t>(units, 1);
  std::int64_t left = 0;
  for (std::int64_t u = 0; u < units; ++u) {
    const float* row = weight.data() + u * each;
    left += std::any_of(row, row + each, [](float w) { return w != 0; });
  }
  return left;
}

std::vector<ReportLayer> layers_of(const layers::Model& model) {
  std::vector<ReportLayer> list;
  model.graph().trace(model.batch_shape(1), [&](layers::Module& leaf, const Shape&, const Shape&) {
    const Parameter weight = layers::weight_of(leaf);
    if (!weight.defined()) return;
    ReportLayer layer{leaf.name(), weight.numel(), weight.nonzero(), weight.size(0),
                      units_of(weight)};
    if (const layers::Origin* origin = model.origin())
      if (const auto once = origin->layers.find(leaf.name()); once != origin->layers.end())
        layer.weights = once->second.weights, layer.units = once->second.units;
    list.push_back(layer);
  });
  return list;
}

// Of sparse layers the multiply-adds of what is there, of others all, zeros too.
std::int64_t macs_run(const layers::Model& model) {
  std::int64_t sum = 0;
  model.graph().trace(model.batch_shape(1),
                      [&](layers::Module& leaf, const Shape& input, const Shape&) {
                        const layers::Macs macs = leaf.macs(input);
                        sum += layers::is_sparse(leaf) ? macs.nonzero : macs.dense;
                      });
  return sum;
}

// Whether the log's last epoch was tested with other weights than the file has: those before an
// interrupt, or the averages of a training that is to go on.
bool unlike_last_epoch(const ReportFile& file, const Checkpoint& checkpoint) {
  const auto& progress = checkpoint.progress;
  return file.log.interrupted || (progress && !progress->finished() &&
                                  (progress->epoch.steps > 0 || progress->recipe.ema > 0));
}

void take_accuracy(ReportFile& file, const Checkpoint& checkpoint, const FactOptions& options,
                   const datasets::Data* data) {
  file.loss = std::numeric_limits<double>::quiet_NaN();
  std::optional<Evaluation> found;
  if (data) {
    const auto known = options.evaluations.find(file.path);
    found = known != options.evaluations.end() &&
                    known->second.weights == layers::fingerprint(checkpoint.model)
                ? known->second.evaluation
                : evaluate(checkpoint.model, data->test, checkpoint.input->normalisation);
    file.evaluated_on = data->name;
  }
  if (found) {
    file.accuracy = found->accuracy(), file.loss = found->loss, file.images = found->images;
  } else if (unlike_last_epoch(file, checkpoint)) {
    return;
  } else if (!file.log.epochs.empty()) {
    const LogFacts::Epoch& last = file.log.epochs.back();
    file.accuracy = last.test_accuracy, file.loss = last.test_loss, file.images = last.images;
  } else if (file.log.pruned) {
    file.accuracy = file.log.pruned, file.images = file.log.pruned_images;
  }
  if (file.accuracy && !found) file.evaluated_on = file.log.data;
}

ReportFile facts_of(const std::string& path, const layers::Model& model, const Checkpoint& read,
                    const FactOptions& options, const datasets::Data* data) {
  ReportFile file;
  file.path = path;
  file.network = model.name();
  file.log = read_log(path, read);
  if (file.log.data.empty() && read.input) file.log.data = read.input->data;
  take_accuracy(file, read, options, data);
  const Size size = size_of(model, path);
  const layers::LayerSummary& total = size.summary.total;
  file.parameters = total.parameters, file.nonzero = total.nonzero;
  file.macs = total.macs.dense, file.macs_nonzero = total.macs.nonzero;
  file.macs_run = macs_run(model);
  file.bytes = size.bytes, file.memory = size.memory.total();
  file.kind = size.kind, file.state = size.state;
  file.model = model.clone();
  pruning::expand(file.model);
  file.layers = layers_of(file.model);
  return file;
}

}  // namespace

std::int64_t ReportFile::weights() const {
  std::int64_t sum = 0;
  if (const layers::Origin* origin = model.origin())
    for (const auto& [name, layer] : origin->layers) sum += layer.weights;
  else
    for (const ReportLayer& layer : layers) sum += layer.weights;
  return sum;
}

std::int64_t ReportFile::weights_left() const {
  std::int64_t sum = 0;
  for (const ReportLayer& layer : layers) sum += layer.weights_left;
  return sum;
}

std::optional<double> ReportFile::deviation() const {
  if (!accuracy || images == 0) return {};
  return std::sqrt(*accuracy * (1 - *accuracy) / static_cast<double>(images));
}

double ReportFile::gone() const {
  const auto once = static_cast<double>(std::max<std::int64_t>(weights(), 1));
  return 1 - static_cast<double>(weights_left()) / once;
}

ReportFacts collect_facts(const std::vector<std::string>& files, const FactOptions& options) {
  ReportFacts facts;
  facts.system = describe();
  std::set<std::string> names;
  std::vector<Variant> variants;
  std::optional<datasets::Data> read_data;
  const datasets::Data* data = options.loaded;
  const auto data_of = [&](const InputImages& images, bool) {
    if (options.data.folder.empty())
      folder_options(options.data, images);  // refuses a size that the network does not take
    else if (!data)
      data = &read_data.emplace(find_data(options.data, images));
    return data;
  };
  for (const std::string& path : files) {
    const Checkpoint read = load_model(path, options.model, data_of);
    facts.files.push_back(facts_of(path, read.model, read, options, data));
    facts.files.back().name = short_name(path, names);
    variants.push_back({facts.files.back().name, read.model, read.model});
  }
  std::optional<ModelSpeed> speed = options.speed;
  if (!speed && options.bench) speed = bench_models(variants, *options.bench);
  if (!speed) return facts;
  check(speed->variants.size() == facts.files.size(), "report: found the speed of ",
        speed->variants.size(), " networks, expected that of ", facts.files.size());
  for (std::size_t i = 0; i < facts.files.size(); ++i) {
    facts.files[i].speed = speed->variants[i].batches.back();
    facts.batch = facts.files[i].speed->batch;
    facts.training = facts.files[i].speed->training > 0;
  }
  return facts;
}

}  // namespace espalier::cli
