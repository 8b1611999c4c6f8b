// Folder: the files are listed first, then read on all threads.
#include "datasets/open.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "core/progress.h"
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
    if (name[0] != '.' && name != "__MACOSX" && is_folder(join(folder, name)))
      names.push_back(name);
  return names;
}

// Calls visit(folder, name) for the files in a folder and the folders within, and for hidden
// folders, until it returns true, and returns whether it did. Each folder is visited once,
// whichever symbolic links lead to it.
template <class Visit>
bool find(const std::string& folder, std::set<std::string>& visited, const Visit& visit) {
  if (!visited.insert(real_path(folder)).second) return false;
  for (const std::string& name : sorted_names(folder)) {
    const std::string path = join(folder, name);
    const bool within = name[0] != '.' && is_folder(path);
    if (within ? find(path, visited, visit) : visit(folder, name)) return true;
  }
  return false;
}

// All images, class by class.
std::vector<Entry> list(const std::string& folder, const std::vector<std::string>& classes,
                        Skipped& skipped) {
  skip_all_but(folder, classes, skipped);
  std::vector<Entry> entries;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::string whole = join(folder, classes[label]);
    std::vector<std::string> paths;
    Skipped others;
    std::set<std::string> visited;
    find(whole, visited, [&](const std::string& inner, const std::string& name) {
      const std::string path = join(inner, name);
      const bool image = name[0] != '.' && has_image_name(name);
      if (!image) skip(inner, name, others);
      check(!image || !is_special(path), path, ": found a device or the like, expected an image");
      if (image) paths.push_back(path);
      return false;
    });
    const std::string text = skipped_text(others);
    for (const auto& [why, count] : others) skipped[why] += count;
    check(!paths.empty(), whole, ": found no images", text.empty() ? "" : " (" + text + ")",
          ", expected some for this class");
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths)
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

// The folder with one of these names, in capitals or not, the first one first; else empty.
std::string named(const std::vector<std::string>& folders,
                  std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (const std::string& folder : folders)
      if (lower_case(folder) == name) return folder;
  return "";
}

// The folders of pictures to train and to test on, where both are there; else the folder itself and
// none.
std::pair<std::string, std::string> parts_of(const std::string& folder) {
  const std::vector<std::string> folders = class_names(folder);
  const std::string train = named(folders, {"train", "training"});
  const std::string test = named(folders, {"test", "testing", "val", "valid", "validation"});
  if (train.empty() || test.empty()) return {folder, ""};
  return {join(folder, train), join(folder, test)};
}

// Folders that all hold the same folders and nothing else are no classes but parts of a data set.
void check_no_parts(const std::string& folder, const std::vector<std::string>& classes) {
  std::vector<std::string> first;
  for (const std::string& name : classes) {
    const std::vector<std::string> inner = class_names(join(folder, name));
    if (name == classes[0]) first = inner;
    if (inner.size() < 2 || inner != first) return;
  }
  fail(folder, ": found the same folders, ", first[0], ", ", first[1],
       first.size() > 2 ? ", ..." : "", ", in each of ", classes[0], ", ", classes[1],
       classes.size() > 2 ? ", ..." : "",
       ", expected class folders, or train and test with class folders in them");
}

Dataset read(const std::string& folder, const std::vector<Entry>& entries,
             const std::vector<std::string>& classes, const FolderOptions& options) {
  Dataset set = {.channels = options.channels,
                 .height = options.height,
                 .width = options.width,
                 .classes = classes};
  reserve_images(set, std::ssize(entries), folder);
  set.images.resize(entries.size() * static_cast<std::size_t>(set.picture_size()));
  for (const Entry& entry : entries) set.labels.push_back(entry.label);
  std::vector<std::exception_ptr> failures(entries.size());
  const auto read_one = [&](std::int64_t i) {
    try {
      const auto picture = read_picture(entries[i].path, options.channels, options.height,
                                        options.width, options.max_pixels);
      std::copy(picture.begin(), picture.end(), set.images.begin() + i * set.picture_size());
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  constexpr std::int64_t kAtOnce = 16;  // of which each may take half a second
  for (std::int64_t begin = 0; begin < set.size(); begin += kAtOnce) {
    const std::int64_t end = std::min(begin + kAtOnce, set.size());
    parallel_for(end - begin, [&](std::int64_t i) { read_one(begin + i); });
    for (std::int64_t i = begin; i < end; ++i)  // the first by name, whichever thread met one first
      if (failures[i]) std::rethrow_exception(failures[i]);
    WatchProgress::tell({"reading", "images", end, set.size()});
  }
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
  const auto [train, test] = parts_of(folder);
  const auto classes = class_names(train);
  check(classes.size() >= 2, train, ": found ", classes.size(),
        " class folders, expected at least two with images in them");
  check_no_parts(train, classes);
  Data data = {.name = last_name(folder)};
  std::vector<Entry> train_entries = list(train, classes, data.skipped), test_entries;
  if (!test.empty()) {
    skip_all_but(folder, {last_name(train), last_name(test)}, data.skipped);
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
  const std::string train = parts_of(folder).first;
  std::set<std::string> visited;
  const auto classes = class_names(train);
  return std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
    return find(join(train, name), visited, [](const std::string&, const std::string& file) {
      return file[0] != '.' && (has_image_name(file) || !missing_package(file).empty());
    });
  });
}

}  // namespace espalier::datasets
