// Skipped: why a file is not read shows in its name.
#include "datasets/skipped.h"

#include <algorithm>
#include <filesystem>

#include "datasets/codec.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

std::string reason(const std::string& name) {
  if (name[0] == '.') return "hidden";
  if (has_image_name(name)) return "outside the class folders";
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos) return "without an ending";
  const std::string ending = lower_case(name.substr(dot));
  const std::string package = missing_package(name);
  if (package.empty()) return ending;
  return ending + " (to read them, install " + package + " and build Espalier again)";
}

std::int64_t files_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::int64_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    count += !is_folder(entry->path().string());
  return count;
}

}  // namespace

void skip(const std::string& folder, const std::string& name, Skipped& to) {
  const std::string path = join(folder, name);
  if (!is_folder(path))
    ++to[reason(name)];
  else if (const std::int64_t count = files_in(path); count > 0)
    to["in " + name + "/"] += count;
}

void skip_all_but(const std::string& folder, const std::vector<std::string>& names, Skipped& to) {
  for (const std::string& name : sorted_names(folder))
    if (std::find(names.begin(), names.end(), name) == names.end()) skip(folder, name, to);
}

std::string skipped_text(const Skipped& skipped) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(skipped.begin(), skipped.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::int64_t all = 0;
  std::string list;
  for (const auto& [why, count] : sorted) {
    all += count;
    list += (list.empty() ? ": " : ", ") + std::to_string(count) + " " + why;
  }
  return all == 0 ? "" : std::to_string(all) + (all == 1 ? " file" : " files") + " skipped" + list;
}

}  // namespace espalier::datasets
