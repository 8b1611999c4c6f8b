// Processors: quotas as both versions of control groups have them, and what loops make of limits.
#include <doctest/doctest.h>

#include <sched.h>

#include <cstdlib>

#include "core/parallel.h"
#include "core/processors.h"
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

// A folder like a process's in /proc, and the control groups that it names.
struct FakeProcess {
  TempDir folder;
  std::string process = folder / "proc", groups = folder / "groups";
  void mount(const std::string& root, const std::string& kind, const std::string& options) {
    write(process + "/mountinfo", "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n36 35 0:31 " +
                                      root + " " + groups + " rw,nosuid shared:9 - " + kind + " " +
                                      kind + " rw," + options + "\n");
  }
  double quota() const { return cpu_quota(process); }
};

}  // namespace

TEST_CASE("processors: the CPU quota of version 2, the tightest of all levels") {
  FakeProcess fake;
  fake.mount("/", "cgroup2", "nsdelegate");
  write(fake.process + "/cgroup", "0::/a/b\n");
  CHECK(fake.quota() == 0);  // no file at all
  write(fake.groups + "/a/b/cpu.max", "max 100000\n");
  CHECK(fake.quota() == 0);
  write(fake.groups + "/a/cpu.max", "250000 100000\n");
  CHECK(fake.quota() == 2.5);
  write(fake.groups + "/a/b/cpu.max", "50000 100000\n");
  CHECK(fake.quota() == 0.5);
  write(fake.groups + "/a/b/cpu.max", "400000 100000\n");
  CHECK(fake.quota() == 2.5);
  write(fake.groups + "/a/b/cpu.max", "no number\n");
  CHECK(fake.quota() == 2.5);
}

TEST_CASE("processors: the CPU quota of version 1, also below a container's own root") {
  FakeProcess fake;
  fake.mount("/docker/x", "cgroup", "cpu,cpuacct");
  write(fake.process + "/cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/x/y\n0::/z\n");
  write(fake.groups + "/y/cpu.cfs_period_us", "100000\n");
  write(fake.groups + "/y/cpu.cfs_quota_us", "-1\n");
  CHECK(fake.quota() == 0);
  write(fake.groups + "/cpu.cfs_period_us", "50000\n");
  write(fake.groups + "/cpu.cfs_quota_us", "75000\n");
  CHECK(fake.quota() == 1.5);
  write(fake.process + "/cgroup", "broken\n4:cpu\n");
  CHECK(fake.quota() == 0);
  CHECK(cpu_quota(fake.folder / "nothing") == 0);
}

TEST_CASE("processors: no more than the affinity mask has") {
  cpu_set_t mask;
  REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
  CHECK(available_processors() >= 1);
  CHECK(available_processors() <= CPU_COUNT(&mask));
}

TEST_CASE("command line: threads are no more than OpenMP gives and processors are there") {
  const int processors = available_processors();
  const TempDir folder;
  const std::string model = folder / "m.safetensors";
  layers::save(layers::LeNet300(), model);
  const auto threads = [&](const std::string& variables, const std::string& options = "") {
    const Outcome run = run_program("inspect " + model + " " + options, variables);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    const std::size_t at = run.err.find(" thread");
    return std::atoi(run.err.c_str() + run.err.rfind(' ', at - 1));
  };
  CHECK(threads("OMP_NUM_THREADS=1") == 1);
  CHECK(threads("OMP_NUM_THREADS=64") == processors);
  CHECK(threads("-u OMP_NUM_THREADS") == processors);
  CHECK(threads("OMP_THREAD_LIMIT=1") == 1);
  CHECK(threads("OMP_THREAD_LIMIT=1", "--threads 2") == 1);
  CHECK(threads("OMP_NUM_THREADS=1", "--threads 3") == 3);
  CHECK(threads("-u OMP_NUM_THREADS taskset -c 0") == 1);
}

// Where OpenMP gave fewer threads than OpenBLAS had asked for, it waited for them for ever.
TEST_CASE("command line: fewer threads than asked for, and a training comes to its end") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string command = "train --model lenet300 --epochs 1 --batch 40 --json --data " +
                              (folder / "data") + " --out " + (folder / "m.safetensors");
  const Outcome usual = run_program(command);
  REQUIRE_MESSAGE(usual.status == 0, usual.err);
  for (const char* variables :
       {"OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true", "OMP_THREAD_LIMIT=1 OMP_NUM_THREADS=8"}) {
    const Outcome run = run_program(command, std::string(variables) + " timeout 60");
    REQUIRE_MESSAGE(run.status == 0, run.err);
    CHECK(run.json()["loss"] == usual.json()["loss"]);
  }
}

#ifndef __SANITIZE_ADDRESS__  // which itself takes terabytes of address space

// OpenBLAS goes on asking for its work space for ever, at its start and later.
TEST_CASE("command line: a limit of the address space is one sentence, wherever it is met") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string train = "train --model lenet300 --epochs 1 --batch 40 --data " +
                            (folder / "data") + " --out " + (folder / "m.safetensors");
  for (const int kilobytes : {200'000, 300'000, 400'000, 500'000, 600'000}) {
    CAPTURE(kilobytes);
    const Outcome run = run_command("ulimit -v " + std::to_string(kilobytes) + "; timeout 60 " +
                                    program_path() + " " + train);
    CAPTURE(run.err);
    CHECK(run.status <= 1);
    if (run.status == 0) continue;
    CHECK(run.err.find("espalier: ") != run.err.npos);
    CHECK(run.err.find("memory") != run.err.npos);
  }
  const Outcome run = run_command("ulimit -v 300000; timeout 60 " + program_path() + " " + train);
  CHECK(run.status == 1);
  CHECK(run.err.find("espalier: found no memory for the 128 MiB") == 0);
}

#endif

}  // namespace espalier::testing
