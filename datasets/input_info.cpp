// Input info: to and from a model file's metadata.
#include "datasets/input_info.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
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

}  // namespace espalier::datasets
