// Paths: thin layers over the standard library that never throw its exceptions.
#include "datasets/paths.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "datasets/codec.h"

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_with(const std::string& path, const char* action,
                            const std::error_code& why) {
  fail(path, ": cannot ", action, ": ", why.message());
}

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
  std::int64_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    count += !is_folder(entry->path().string());
  return count;
}

}  // namespace

std::string join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

std::string last_name(const std::string& folder) {
  std::error_code error;
  const fs::path whole = fs::absolute(folder, error).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::string lower_case(std::string name) {
  for (char& letter : name)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return name;
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? path : real.string();
}

bool is_special(const std::string& path) {
  std::error_code error;
  return fs::is_other(path, error);
}

std::size_t file_size_hint(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::size_t>(size);
}

std::vector<std::string> sorted_names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) fail_with(folder, "read the folder", error);
  std::sort(names.begin(), names.end());
  return names;
}

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

NewFolder::NewFolder(const std::string& target)
    : target_(fs::path(target).lexically_normal().string()) {
  while (target_.size() > 1 && target_.back() == '/') target_.pop_back();
  check(!target.empty(), "found an empty name, expected the name of a folder to write");
  if (exists(target_))
    check(is_folder(target_) && sorted_names(target_).empty(), target_, ": found ",
          is_folder(target_) ? "a folder with something in it" : "a file",
          ", expected nothing of that name or an empty folder");
  made_.emplace(target_, [](const std::string& name) {
    const int status = ::mkdir(name.c_str(), 0777);  // less what the process's umask takes away
    return status != 0 ? -1 : ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  });
  if (made_->descriptor() < 0) fail_with(target_, "create it", {errno, std::generic_category()});
}

void NewFolder::commit() {
  if (!made_->take_name()) fail_with(target_, "write it", {errno, std::generic_category()});
}

}  // namespace espalier::datasets
