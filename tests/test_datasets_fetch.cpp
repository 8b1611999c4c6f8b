// The script that fetches CIFAR-10, on an archive that lies on the disk already.
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "datasets/open.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::testing;
namespace fs = std::filesystem;

namespace {

struct Result {
  int status;
  std::string output;
};

Result run(const std::string& command, const TempDir& folder) {
  const int status = std::system(("(" + command + ") >'" + (folder / "output") + "' 2>&1").c_str());
  const auto bytes = file_bytes(folder / "output");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {bytes.begin(), bytes.end()}};
}

// An archive of a small set, made once for a test, and its md5.
struct Archive {
  explicit Archive(const TempDir& folder) : path(folder / "archive.tar.gz") {
    datasets::write_cifar10(
        folder / "cifar-10-batches-bin",
        {.name = "x", .train = random_set(5, 3, 32, 32), .test = random_set(2, 3, 32, 32)});
    REQUIRE(run("tar -C '" + folder.path().string() + "' -czf '" + path + "' cifar-10-batches-bin",
                folder)
                .status == 0);
    md5 = run("md5sum <'" + path + "'", folder).output.substr(0, 32);
  }
  std::string path, md5;
};

Result fetch(const TempDir& folder, const std::string& url, const std::string& md5) {
  return run("CIFAR10_URL='" + url + "' CIFAR10_MD5=" + md5 + " datasets/fetch-cifar10.sh '" +
                 (folder / "data") + "'",
             folder);
}

bool has_curl(const TempDir& folder) {
  if (run("command -v curl", folder).status == 0) return true;
  MESSAGE("no curl here: the script that downloads with it is not tested");
  return false;
}

}  // namespace

TEST_CASE("fetch: unpacks the archive, says so, and has nothing to do the next time") {
  TempDir folder;
  if (!has_curl(folder)) return;
  const Archive archive(folder);
  const std::string target = folder / "data/cifar-10-batches-bin";
  Result result = fetch(folder, "file://" + archive.path, archive.md5);
  CHECK(result.status == 0);
  CHECK(contains(result.output, "CIFAR-10: found in " + target));
  CHECK(datasets::cifar10(target).train.size() == 5);
  CHECK(std::distance(fs::directory_iterator(folder / "data"), fs::directory_iterator()) == 1);
  result = fetch(folder, "file:///none", archive.md5);
  CHECK(result.status == 0);
  CHECK(result.output == "CIFAR-10: found in " + target + "\n");
}

TEST_CASE("fetch: goes on from what an earlier call has left, also where that was wrong") {
  TempDir folder;
  if (!has_curl(folder)) return;
  const Archive archive(folder);
  const auto bytes = file_bytes(archive.path);
  const std::string part = folder / "data/cifar-10-binary.tar.gz.part";
  for (const char* left : {"half", "wrong", "too much"}) {
    fs::remove_all(folder / "data");
    fs::create_directory(folder / "data");
    auto start = bytes;
    if (left == std::string("too much"))
      start.resize(bytes.size() + 10);
    else
      start.resize(bytes.size() / 2);
    if (left == std::string("wrong")) start[100] ^= 1;
    write_bytes(part, start);
    const Result result = fetch(folder, "file://" + archive.path, archive.md5);
    CAPTURE(left);
    CAPTURE(result.output);
    CHECK(result.status == 0);
    CHECK(fs::exists(folder / "data/cifar-10-batches-bin/test_batch.bin"));
    CHECK_FALSE(fs::exists(part));
  }
}

TEST_CASE("fetch: what is not the archive is refused and leaves no data") {
  TempDir folder;
  if (!has_curl(folder)) return;
  const Archive archive(folder);
  const std::string other(32, '0');
  Result result = fetch(folder, "file://" + archive.path, other);
  CHECK(result.status == 1);
  CHECK(contains(result.output, "CIFAR-10: not there, the download's md5 is not " + other));
  CHECK(fs::is_empty(folder / "data"));
  result = fetch(folder, "file://" + (folder / "none"), archive.md5);
  CHECK(result.status == 1);
  CHECK(contains(result.output, "CIFAR-10: not there, the download broke off (curl's error 37)"));
  CHECK_FALSE(fs::exists(folder / "data/cifar-10-batches-bin"));
}
