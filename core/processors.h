// Processors: how many this process may use. Fewer than the machine has, where it is bound to some
// of them (taskset, cpuset) or limited to a share of their time (a container's CPU quota).
#pragma once

#include <string>

namespace espalier {

// At least 1. Looked up once, at the first call.
int available_processors();

// The CPU quota of the control groups that a process is in, in processors (1.5: one and a half);
// 0 where there is none. `process` is its folder in /proc, whose files "cgroup" and "mountinfo" are
// read; version 1 (cpu.cfs_quota_us) and version 2 (cpu.max). The tightest of all levels counts.
double cpu_quota(const std::string& process = "/proc/self");

// So many threads, the calling one included, as the system lets the process have (ulimit -u, -v, a
// container's limit), up to those wanted: libgomp ends the process where it can start no more.
// Tried where a thread wants more than before, since each has OpenMP threads of its own.
int startable_threads(int wanted);

}  // namespace espalier
