// Folder: the files are listed first, then read on all threads.
#include "datasets/folder.h"

#include <algorithm>
#include <exception>
#include <set>

#include "core/error.h"
#include "core/parallel.h"
#include "datasets/paths.h"
#include "datasets/picture.h"

namespace espalier::datasets {
namespace {

struct Entry {
  std::string path;
  std::int32_t label;
};

std::vector<std::string> class_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : sorted_names(folder))
    if (name[0] != '.' && is_folder(join(folder, name))) names.push_back(name);
  return names;
}

// The images in a folder and the folders within. Each folder is visited once, whichever symbolic
// links lead to it.
struct Images {
  std::vector<std::string> paths;
  Skipped skipped;
  std::set<std::string> visited;

  void add(const std::string& folder) {
    if (!visited.insert(real_path(folder)).second) return;
    for (const std::string& name : sorted_names(folder)) {
      const std::string path = join(folder, name);
      if (name[0] != '.' && is_folder(path)) {
        add(path);
      } else if (name[0] == '.' || !has_image_name(name)) {
        skip(folder, name, skipped);
      } else {
        check(!is_special(path), path, ": found a device or the like, expected an image");
        paths.push_back(path);
      }
    }
  }
};

Images images_in(const std::string& folder) {
  Images images;
  images.add(folder);
  std::sort(images.paths.begin(), images.paths.end());
  return images;
}

// Whether there is a file that is named as an image, read or not.
bool holds_images(const std::string& folder, std::set<std::string>& visited) {
  if (!visited.insert(real_path(folder)).second) return false;
  for (const std::string& name : sorted_names(folder)) {
    if (name[0] == '.') continue;
    const std::string path = join(folder, name);
    if (is_folder(path) ? holds_images(path, visited)
                        : has_image_name(name) || !missing_package(name).empty())
      return true;
  }
  return false;
}

// All images, class by class.
std::vector<Entry> list(const std::string& folder, const std::vector<std::string>& classes,
                        Skipped& skipped) {
  skip_all_but(folder, classes, skipped);
  std::vector<Entry> entries;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const Images images = images_in(join(folder, classes[label]));
    const std::string others = skipped_text(images.skipped);
    for (const auto& [why, count] : images.skipped) skipped[why] += count;
    check(!images.paths.empty(), join(folder, classes[label]), ": found no images",
          others.empty() ? "" : " (" + others + ")", ", expected some for this class");
    for (const std::string& path : images.paths)
      entries.push_back({path, static_cast<std::int32_t>(label)});
  }
  return entries;
}

void check_classes(const std::string& folder, const std::vector<std::string>& found,
                   const std::vector<std::string>& expected) {
  for (const std::string& name : expected)
    check(std::binary_search(found.begin(), found.end(), name), folder, ": found no folder ", name,
          ", expected the same classes in training and test");
}

// The folder of test pictures where there is one beside "train", else empty.
std::string test_folder(const std::string& folder) {
  if (is_folder(join(folder, "train")))
    for (const char* name : {"test", "val"})
      if (is_folder(join(folder, name))) return join(folder, name);
  return "";
}

Dataset read(const std::string& folder, const std::vector<Entry>& entries,
             const std::vector<std::string>& classes, const FolderOptions& options) {
  Dataset set;
  set.channels = options.channels;
  set.height = options.height;
  set.width = options.width;
  set.classes = classes;
  reserve_images(set, std::ssize(entries), folder);
  set.images.resize(entries.size() * static_cast<std::size_t>(set.picture_size()));
  for (const Entry& entry : entries) set.labels.push_back(entry.label);
  std::vector<std::exception_ptr> failures(entries.size());
  parallel_for(set.size(), [&](std::int64_t i) {
    try {
      const auto picture = read_picture(entries[i].path, options.channels, options.height,
                                        options.width, options.max_pixels);
      std::copy(picture.begin(), picture.end(), set.images.begin() + i * set.picture_size());
    } catch (...) {
      failures[i] = std::current_exception();
    }
  });
  for (const auto& failure : failures)  // the first by name, whichever thread met one first
    if (failure) std::rethrow_exception(failure);
  return set;
}

}  // namespace

Data image_folder(const std::string& folder, const FolderOptions& options) {
  check(std::min(options.height, options.width) > 0 &&
            std::max(options.height, options.width) <= kMostFolderSide,
        "image_folder: found images of ", options.height, "x", options.width,
        ", expected sides of 1 to ", kMostFolderSide);
  check(options.channels == 1 || options.channels == 3, "image_folder: found ", options.channels,
        " channels, expected 1 or 3");
  const std::string test = test_folder(folder);
  const std::string train = test.empty() ? folder : join(folder, "train");
  const auto classes = class_names(train);
  check(classes.size() >= 2, train, ": found ", classes.size(),
        " class folders, expected at least two with images in them");
  Data data = {.name = last_name(folder), .train = {}, .test = {}};
  std::vector<Entry> train_entries = list(train, classes, data.skipped), test_entries;
  if (!test.empty()) {
    skip_all_but(folder, {"train", last_name(test)}, data.skipped);
    const auto test_classes = class_names(test);
    check_classes(test, test_classes, classes);
    check_classes(train, classes, test_classes);
    test_entries = list(test, classes, data.skipped);
  } else {
    std::vector<Entry> rest;
    std::int32_t label = -1;
    int number = 0;  // within the class
    for (const Entry& entry : train_entries) {
      if (entry.label != label) number = 0;
      label = entry.label;
      (++number % 5 == 0 ? test_entries : rest).push_back(entry);
    }
    train_entries = rest;
    check(!test_entries.empty(), folder,
          ": found fewer than five images in each class, expected five in one at least, "
          "as every fifth is tested on");
  }
  data.train = read(folder, train_entries, classes, options);
  data.test = read(folder, test_entries, classes, options);
  normalise_alike(data);
  return data;
}

bool has_class_folders(const std::string& folder) {
  const std::string train = test_folder(folder).empty() ? folder : join(folder, "train");
  std::set<std::string> visited;
  const auto classes = class_names(train);
  return std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
    return holds_images(join(train, name), visited);
  });
}

}  // namespace espalier::datasets
