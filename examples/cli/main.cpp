// espalier: the command line. Every error is one sentence on standard error, with exit status 1, or
// 2 where the command line itself is wrong.
#include <csignal>
#include <new>

#include "examples/cli/command_line.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/program.h"

int main(int argc, char** argv) {
  espalier::cli::listen_for_interrupts();
  std::signal(SIGXFSZ,
              SIG_IGN);  // output beyond the limit of a file's size is an error like others
  try {
    espalier::cli::remember_command_line(argc, argv);
    CLI::App app("Espalier trains, prunes and ships convolutional networks on ordinary CPUs.",
                 "espalier");
    app.set_version_flag("--version", "espalier " ESPALIER_VERSION);
    espalier::cli::add_commands(app);
    return espalier::cli::run(app, argc, argv);
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
