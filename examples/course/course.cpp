// Course: data, a trained network, and output.
#include "course/course.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "core/file.h"

namespace espalier::course {
namespace {

constexpr const char* kFolder = "lessons";

void make_folder() {
  std::error_code error;
  std::filesystem::create_directories(kFolder, error);
  check(!error && std::filesystem::is_directory(kFolder), kFolder, ": cannot be made, ",
        error.message());
}

// Tells one set of pictures from another: FNV-1a (Fowler, Noll, Vo, 1991) over the first of them.
std::string fingerprint(const datasets::Dataset& data) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const std::int64_t bytes = std::min<std::int64_t>(data.size(), 100) * data.picture_size();
  for (std::int64_t i = 0; i < bytes; ++i)
    hash = (hash ^ data.images[static_cast<std::size_t>(i)]) * 0x100000001b3;
  hash += static_cast<std::uint64_t>(data.size());
  char text[20];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(hash ^ (hash >> 32)));
  return text;
}

std::string convnet_file(const datasets::Data& data) {
  return std::string(kFolder) + "/convnet-" + fingerprint(data.train) + ".safetensors";
}

}  // namespace

int lesson(int argc, char** argv, void (*run)(const datasets::Data& data)) {
  try {
    run(find_data(argc, argv));
    return 0;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "no memory for this lesson's data and network\n");
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

datasets::Data find_data(int argc, char** argv) {
  const char* folder = argc > 1 ? argv[1] : std::getenv("ESPALIER_DATA");
  datasets::Data data = folder && *folder ? datasets::open(folder) : datasets::shapes();
  std::printf("%s, %lld pictures to train on, %lld to test on\n", data.name.c_str(),
              static_cast<long long>(data.train.size()), static_cast<long long>(data.test.size()));
  if (!data.skipped.empty()) std::printf("%s\n", datasets::skipped_text(data.skipped).c_str());
  return data;
}

Parts hold_out(const datasets::Data& data) {
  Parts parts{data, {}};
  parts.validation = datasets::split_validation(parts.data.train, 0.1);
  return parts;
}

void train(const layers::Model& model, const datasets::Data& data, const Training& how) {
  optim::SGD sgd(model, {.lr = how.lr, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  const optim::Schedule rate = optim::cosine({.lr = how.lr});
  model.train();
  double loss = 0;
  for (auto& batch :
       datasets::epochs(data.train, how.epochs, {.batch = 128, .crop = 4, .flip = true})) {
    sgd.set_lr(rate.at(batch.step, batch.steps_per_epoch * how.epochs));
    Tensor mistake = cross_entropy(outputs_of(model, batch.images), batch.labels);
    mistake.backward();
    sgd.step();
    loss += static_cast<double>(mistake.item());
    if (!batch.last_of_epoch) continue;
    if (how.print)
      std::printf("epoch %d of %d: loss %.3f, %.1f %% right\n", batch.epoch + 1, how.epochs,
                  loss / static_cast<double>(batch.steps_per_epoch),
                  100 * accuracy(model, data.test));
    loss = 0;
  }
}

int enough_epochs(const datasets::Dataset& train) {
  return static_cast<int>(
      std::clamp<std::int64_t>(160'000 / std::max<std::int64_t>(train.size(), 1), 4, 12));
}

layers::Model trained_convnet(const datasets::Data& data) {
  const std::string file = convnet_file(data);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return layers::load(file);
  std::printf("training a ConvNet, once for all lessons\n");
  const layers::Model model =
      layers::ConvNet(static_cast<int>(data.train.classes.size()), 0,
                      {data.train.channels, data.train.height, data.train.width});
  const datasets::Data part = hold_out(data).data;
  train(model, part, {.epochs = enough_epochs(part.train)});
  keep_convnet(model, data);
  return model;
}

void keep_convnet(const layers::Model& model, const datasets::Data& data) {
  for (Parameter p : model.parameters()) p.states().clear();
  make_folder();
  layers::save(model, convnet_file(data));
}

double accuracy(const layers::Model& model, const datasets::Dataset& test, std::int64_t pictures) {
  const layers::EvaluationMode mode(model);
  const NoGrad off;
  std::int64_t right = 0, seen = 0;
  for (auto& batch : datasets::epochs(test, 1, {.batch = 128, .shuffle = false})) {
    right += count_correct(outputs_of(model, batch.images), batch.labels);
    seen += static_cast<std::int64_t>(batch.labels.size());
    if (pictures > 0 && seen >= pictures) break;
  }
  return static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(seen, 1));
}

double uncertainty(double share, std::int64_t pictures) {
  return std::sqrt(share * (1 - share) / static_cast<double>(pictures));
}

double difference(const layers::Model& a, const layers::Model& b, const Tensor& images) {
  const layers::EvaluationMode mode_a(a), mode_b(b);
  const NoGrad off;
  const std::vector<float> x = outputs_of(a, images).to_vector();
  const std::vector<float> y = outputs_of(b, images).to_vector();
  check(x.size() == y.size(), "difference: found ", x.size(), " and ", y.size(),
        " outputs, expected as many");
  double difference = 0, largest = 1e-30;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference = std::max<double>(difference, std::abs(x[i] - y[i]));
    largest = std::max<double>(largest, std::abs(x[i]));
  }
  return difference / largest;
}

std::vector<pruning::Examples> examples(const datasets::Dataset& train, std::int64_t count) {
  std::vector<pruning::Examples> batches;
  for (auto& batch : datasets::epochs(train, 1, {.batch = 128})) {
    if (count <= 0) break;
    batches.push_back({batch.images, {batch.labels.begin(), batch.labels.end()}});
    count -= static_cast<std::int64_t>(batch.labels.size());
  }
  return batches;
}

double milliseconds(const std::function<void()>& work) {
  return milliseconds(std::vector<std::function<void()>>{work})[0];
}

std::vector<double> milliseconds(const std::vector<std::function<void()>>& works) {
  constexpr int kTurns = 9;
  std::vector<std::vector<double>> times(works.size());
  for (int turn = -1; turn < kTurns; ++turn)  // the first one warms up
    for (std::size_t i = 0; i < works.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      works[i]();
      const std::chrono::duration<double, std::milli> taken =
          std::chrono::steady_clock::now() - start;
      if (turn >= 0) times[i].push_back(taken.count());
    }
  std::vector<double> medians;
  for (std::vector<double>& t : times) {
    std::nth_element(t.begin(), t.begin() + kTurns / 2, t.end());
    medians.push_back(t[kTurns / 2]);
  }
  return medians;
}

std::string bar(double share, int width) {
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  return std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(width - filled), ' ');
}

void draw(const std::string& name, const charts::Chart& chart) {
  make_folder();
  const std::string path = std::string(kFolder) + "/" + name + ".svg";
  write_file(path, charts::svg(chart));
  std::printf("%s: drawn\n", path.c_str());
}

}  // namespace espalier::course
