// Numbers that files hold as JSON: each is read as it stands, or refused.
#include "examples/cli/json.h"

#include <map>

#include "core/error.h"
#include "examples/cli/prune_options.h"
#include "examples/cli/training_progress.h"
#include "tests/cli.h"
#include "tests/safetensors_file.h"

namespace espalier::testing {
namespace {

template <class Value>
bool refused(const char* text) {
  try {
    cli::Json::parse(text).get<Value>();
    return false;
  } catch (const cli::Json::exception&) {
    return true;
  }
}

}  // namespace

TEST_CASE("json: a number is one of the type that it is read as") {
  CHECK(cli::Json::parse("-7").get<int>() == -7);
  CHECK(cli::Json::parse("7").get<double>() == 7.0);
  CHECK(cli::Json::parse("18446744073709551615").get<std::uint64_t>() == ~std::uint64_t{0});
  CHECK(cli::Json::parse("true").get<bool>());
  for (const char* text : {"4294967297", "-2147483649", "2.5", "1e300", "true", "\"7\"", "null"}) {
    CAPTURE(text);
    CHECK(refused<int>(text));
  }
  CHECK(refused<std::uint64_t>("-1"));
  CHECK(refused<std::int64_t>("9223372036854775808"));
  CHECK(refused<std::int64_t>("1e3"));
  CHECK(refused<double>("true"));
  CHECK(refused<bool>("1"));
  CHECK(refused<std::vector<int>>("[1, 2.5]"));
  CHECK((refused<std::map<std::string, std::int64_t>>("{\"a\": 2.5}")));
}

TEST_CASE("json: no training or pruning goes on with a number that was cut to fit") {
  cli::Progress progress;
  progress.epoch = {.steps = 1, .images = 2, .correct = 1, .loss = 1, .seconds = 1};
  progress.steps_done = 1;
  const cli::Json sound = cli::to_json(progress);
  REQUIRE(cli::progress_from(sound, "file").epoch.images == 2);
  for (const char* number : {"4294967296", "0.5", "1e300", "true"})
    for (const char* at : {"/epochs_done", "/recipe/epochs", "/recipe/batch", "/recipe/crop"}) {
      CAPTURE(number);
      CAPTURE(at);
      cli::Json broken = sound;
      broken[cli::Json::json_pointer(at)] = cli::Json::parse(number);
      CHECK(contains(error_of([&] { cli::progress_from(broken, "file"); }), "cannot be read"));
    }
  cli::PruneOptions options;
  options.sparsity = 0.5;
  cli::Json pruning = cli::to_json(options);
  pruning["pictures"] = 2.5;
  CHECK(contains(error_of([&] { cli::prune_options_from(pruning, "file"); }), "cannot be read"));
}

}  // namespace espalier::testing
