// Program: the list of commands, and wrong use as a sentence.
#include "examples/cli/program.h"

#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/help.h"
#include "examples/cli/usage.h"

namespace espalier::cli {

void add_commands(CLI::App& app) {
  app.formatter(std::make_shared<Help>());
  add_run(app);
  add_train(app);
  add_eval(app);
  add_inspect(app);
  add_predict(app);
  add_sensitivity(app);
  add_prune(app);
  add_compact(app);
  add_bench(app);
  add_crossover(app);
  add_report(app);
  add_completion(app);
}

int run(CLI::App& app, int count, const char* const* words) {
  if (count == 1) {
    say(overview(app));
    return 2;
  }
  try {
    check_command(app, words[1]);
    app.require_subcommand(1);
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    say_error(sentence(app, error));
    return 2;
  } catch (const UsageError& error) {
    say_error(error.what());
    return 2;
  }
  return 0;
}

}  // namespace espalier::cli
