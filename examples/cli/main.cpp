// espalier: the command line. Every error is one sentence on standard error, with exit status 1, or
// 2 where the command line itself is wrong.
#include <csignal>
#include <cstdio>
#include <new>

#include "core/error.h"
#include "examples/cli/command_line.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/help.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

int run(int argc, char** argv) {
  CLI::App app("Espalier trains, prunes and ships convolutional networks on ordinary CPUs.",
               "espalier");
  app.formatter(std::make_shared<Help>());
  app.set_version_flag("--version", "espalier " ESPALIER_VERSION);
  // In the order of the story.
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
  if (argc == 1) {
    say(overview(app));
    return 2;
  }
  try {
    check_command(app, argv[1]);
    app.require_subcommand(1);
    app.parse(argc, argv);
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

}  // namespace
}  // namespace espalier::cli

int main(int argc, char** argv) {
  espalier::cli::listen_for_interrupts();
  std::signal(SIGXFSZ,
              SIG_IGN);  // output beyond the limit of a file's size is an error like others
  try {
    espalier::cli::remember_command_line(argc, argv);
    return espalier::cli::run(argc, argv);
  } catch (const espalier::cli::Interrupted& interrupted) {
    espalier::cli::say_error(interrupted.what());
    return espalier::cli::interrupt_status();
  } catch (const std::bad_alloc&) {
    espalier::cli::say_error("memory: found too little for this network and batch");
  } catch (const std::exception& error) {
    espalier::cli::say_error(error.what());
  }
  return 1;
}
