// Processors: the affinity mask, and the control groups from the process's own up to the root.
#include "core/processors.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <latch>
#include <limits>
#include <mutex>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

namespace espalier {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool has(const std::vector<std::string>& list, const char* word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The group's path as the file "cgroup" has it ("4:cpu,cpuacct:/path", or "0::/path" in version 2);
// empty where there is none.
std::string path_of_group(const std::string& process, bool second_version) {
  std::ifstream file(process + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (second_version ? controllers.empty() : has(split(controllers, ','), "cpu"))
      return line.substr(second + 1);
  }
  return "";
}

// The quota that a group itself sets, in processors; 0: none.
double quota_in(const std::string& folder, bool second_version) {
  double quota = 0, period = 0;
  if (second_version) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;  // "max 100000" leaves both at 0
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;  // -1: none
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

int processors_in_mask() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
  return static_cast<int>(
      std::thread::hardware_concurrency());  // more than such a mask has room for
}

}  // namespace

// "36 35 0:31 ROOT MOUNTPOINT rw,... - cgroup cgroup rw,cpu": what a mount shows is the part of the
// hierarchy below ROOT, which in a container may be the container's own group.
double cpu_quota(const std::string& process) {
  double least = 0;
  std::ifstream file(process + "/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.end() - dash < 4 || dash - words.begin() < 5) continue;
    const bool second_version = dash[1] == "cgroup2";
    if (!second_version && !(dash[1] == "cgroup" && has(split(dash[3], ','), "cpu"))) continue;
    std::string path = path_of_group(process, second_version);
    if (path.empty()) continue;
    const std::string &root = words[3], &mount = words[4];
    if (root != "/" && path.starts_with(root)) path = path.substr(root.size());
    for (std::string folder = mount + path;; folder.resize(folder.rfind('/'))) {
      const double quota = quota_in(folder, second_version);
      if (quota > 0 && (least == 0 || quota < least)) least = quota;
      if (folder.size() <= mount.size()) break;
    }
  }
  return least;
}

int available_processors() {
  static const int count = [] {
    const double quota = cpu_quota();
    // A part of a processor is worth a thread: threads share what time there is.
    const int most = quota > 0 ? static_cast<int>(std::min(std::ceil(quota), 1e6)) : 1'000'000;
    return std::clamp(processors_in_mask(), 1, most);
  }();
  return count;
}

int startable_threads(int wanted) {
  thread_local int tried = 1;
  static std::atomic<int> most = std::numeric_limits<int>::max();
  if (wanted <= tried) return std::min<int>(wanted, most);
  static std::mutex trying;
  const std::lock_guard lock(trying);
  std::vector<std::thread> threads;
  std::latch all(1);
  try {
    while (static_cast<int>(threads.size()) < wanted - 1) threads.emplace_back([&] { all.wait(); });
  } catch (const std::system_error&) {
    most = std::min<int>(most, static_cast<int>(threads.size()) + 1);
  }
  all.count_down();
  for (std::thread& thread : threads) thread.join();
  tried = wanted;
  return std::min<int>(wanted, most);
}

}  // namespace espalier
