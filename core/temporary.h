// Temporary: a file or folder beside its target that takes the target's name once it is whole. Its
// owner keeps it locked, so that one left behind by a process that was killed can be told from one
// that is in use, by whatever process on whatever host, and is removed by the next owner.
#pragma once

#include <functional>
#include <string>

namespace espalier {

// Whether a lock (flock) on an open file was taken. It ends with the descriptor or the process.
enum class Lock {
  Mine,
  Others,      // another process or descriptor holds it
  Renamed,     // taken, but the path names another file or none by now
  Unsupported  // this file system has no locks
};
Lock lock_file(int descriptor, const std::string& path);

struct Temporary {
  std::string path;
  int descriptor = -1;  // open and locked; -1 where it could not be created, as errno says
};

// "TARGET.espalier-0.tmp", or with the next number that is not in use. `create` makes a file or a
// folder of that name where there is none and returns a descriptor of it, or -1.
Temporary make_temporary(const std::string& target,
                         const std::function<int(const std::string& path)>& create);

}  // namespace espalier
