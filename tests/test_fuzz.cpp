// The inputs that fuzzing is to begin with or has found, replayed.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "core/file.h"
#include "core/parallel.h"
#include "tests/fuzz/fuzz.h"

using namespace espalier;
namespace fs = std::filesystem;

namespace {

const fs::path kCorpus = fs::path(__FILE__).parent_path() / "fuzz" / "corpus";

}  // namespace

TEST_CASE("fuzz: every target takes the inputs of its corpus") {
  const ThreadScope one(1);
  std::set<std::string> with_target;
  for (const fuzz::Target& target : fuzz::targets()) {
    with_target.insert(target.name);
    int count = 0;
    for (const auto& entry : fs::directory_iterator(kCorpus / target.name)) {
      const std::string path = entry.path().string();
      CAPTURE(path);
      const std::vector<std::byte> bytes = read_file(path);
      // A block of exactly this size: the address sanitizer then sees what is read behind it.
      const std::unique_ptr<std::byte[]> exact(new std::byte[bytes.size()]);
      std::copy(bytes.begin(), bytes.end(), exact.get());
      CHECK_NOTHROW(target.run({exact.get(), bytes.size()}));
      ++count;
    }
    CAPTURE(target.name);
    CHECK(count > 0);
  }
  for (const auto& entry : fs::directory_iterator(kCorpus))
    CHECK_MESSAGE(with_target.contains(entry.path().filename().string()), entry.path());
}
