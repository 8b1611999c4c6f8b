// Progress: what long work tells, who hears it, and that whoever hears may end it.
#include "core/progress.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "core/rng.h"
#include "layers/layers.h"
#include "pruning/criteria/evidence.h"

namespace espalier::testing {
namespace {

pruning::Evidence evidence() {
  Rng rng(0);
  const layers::Model model = layers::LeNet5(10, 0, {1, 28, 28});
  std::vector<pruning::Examples> batches;
  for (const std::int64_t count : {3, 2})
    batches.push_back({Tensor::randn({count, 1, 28, 28}, rng),
                       std::vector<std::int32_t>(static_cast<std::size_t>(count), 1)});
  return pruning::Evidence(model, batches);
}

}  // namespace

TEST_CASE("progress: gathering evidence tells picture by picture, up to all") {
  std::vector<std::int64_t> done;
  const auto hear = [&](const WatchProgress::Step& step) {
    CHECK(std::string(step.what) == "scoring");
    CHECK(step.total == 5);
    done.push_back(step.done);
  };
  pruning::Evidence e = evidence();
  const WatchProgress watch(hear);
  e.each_batch([](const pruning::Examples&) {});
  CHECK(done == std::vector<std::int64_t>{3, 5});
  done.clear();
  e.each_output([](auto&&...) {});
  CHECK(done == std::vector<std::int64_t>{3, 5});
  done.clear();
  e.each_picture(100, [](const pruning::Examples&) {});
  CHECK(done == std::vector<std::int64_t>{1, 2, 3, 4, 5});
}

TEST_CASE("progress: the newest listener hears, and may end the work") {
  int outer = 0, pictures = 0;
  pruning::Evidence e = evidence();
  const WatchProgress watch([&](const WatchProgress::Step&) { ++outer; });
  {
    const WatchProgress inner([&](const WatchProgress::Step& step) {
      CHECK(step.total == 4);
      if (step.done == 2) throw std::runtime_error("enough");
    });
    CHECK_THROWS_WITH(e.each_picture(4, [&](const pruning::Examples&) { ++pictures; }), "enough");
  }
  CHECK(pictures == 2);
  CHECK(outer == 0);
  e.each_batch([](const pruning::Examples&) {});
  CHECK(outer == 2);
}

}  // namespace espalier::testing
