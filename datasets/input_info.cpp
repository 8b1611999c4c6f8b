// Input info: to and from a model file's metadata; counts and a hash of the data.
#include "datasets/input_info.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "core/error.h"
#include "core/hash.h"
#include "core/shape.h"
#include "core/text.h"

namespace espalier::datasets {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKey = "espalier.input";

// They are shown in terminals, whoever wrote the file or named the folder.
void check_classes(const std::vector<std::string>& classes, const std::string& of) {
  check(std::all_of(classes.begin(), classes.end(), is_one_line), of,
        ": found a class whose name has control characters, expected a line of text");
}

void add(Hash& hash, const Dataset& data) {
  constexpr std::int64_t kImages = 256;
  hash.add(std::as_bytes(std::span(data.labels)));
  const std::int64_t count = std::min(kImages, data.size());
  for (std::int64_t i = 0; i < count; ++i)
    hash.add(std::as_bytes(std::span(data.picture(i * data.size() / count),
                                     static_cast<std::size_t>(data.picture_size()))));
}

std::string found(const std::string& what, const std::string& expected) {
  return "found " + what + ", expected " + expected;
}

}  // namespace

InputInfo input_info(const Data& data) {
  check_classes(data.train.classes, data.name);
  return {data.name, normalisation(data.train), data.train.classes};
}

std::map<std::string, std::string> metadata(const InputInfo& info) {
  const Json json{{"data", info.data},
                  {"mean", info.normalisation.mean},
                  {"std", info.normalisation.std},
                  {"classes", info.classes}};
  // Folders, and so classes, may have names that are no UTF-8; that is no reason to lose a
  // training.
  return {{kKey, json.dump(-1, ' ', false, Json::error_handler_t::replace)}};
}

std::optional<InputInfo> input_info(const std::map<std::string, std::string>& metadata,
                                    const std::string& file) {
  const auto found = metadata.find(kKey);
  if (found == metadata.end()) return {};
  const Json json = Json::parse(found->second, nullptr, false);
  check(json.is_object(), file, ": found metadata ", kKey, " that is no JSON object, expected one");
  InputInfo info;
  try {
    json.at("data").get_to(info.data);
    json.at("mean").get_to(info.normalisation.mean);
    json.at("std").get_to(info.normalisation.std);
    json.at("classes").get_to(info.classes);
  } catch (const Json::exception&) {
    fail(file, ": found metadata ", kKey,
         " that cannot be read, expected data, mean, std and classes");
  }
  check_classes(info.classes, file);
  const auto& mean = info.normalisation.mean;
  const auto& deviation = info.normalisation.std;
  check(mean.size() == deviation.size(), file, ": found ", mean.size(), " means and ",
        deviation.size(), " standard deviations, expected one each a channel");
  for (std::size_t c = 0; c < mean.size(); ++c)
    check(std::isfinite(mean[c]) && deviation[c] > 0, file, ": found mean ", mean[c],
          " and standard deviation ", deviation[c], " for a channel, expected finite ones above 0");
  return info;
}

Fingerprint fingerprint(const Data& data) {
  Hash hash;
  add(hash, data.train);
  add(hash, data.test);
  return {.train_images = data.train.size(),
          .test_images = data.test.size(),
          .shape = {data.train.channels, data.train.height, data.train.width},
          .classes = static_cast<std::int64_t>(data.train.classes.size()),
          .hash = hash.str()};
}

std::string difference(const Fingerprint& now, const Fingerprint& then) {
  using std::to_string;
  if (now.train_images != then.train_images)
    return found(to_string(now.train_images) + " images to train on", to_string(then.train_images));
  if (now.test_images != then.test_images)
    return found(to_string(now.test_images) + " images to test on", to_string(then.test_images));
  if (now.shape != then.shape)
    return found("images of " + Shape(now.shape).str(), Shape(then.shape).str());
  if (now.classes != then.classes)
    return found(to_string(now.classes) + " classes", to_string(then.classes));
  if (now.hash != then.hash)
    return found("images or labels of hash " + now.hash, "those of hash " + then.hash);
  return "";
}

}  // namespace espalier::datasets
