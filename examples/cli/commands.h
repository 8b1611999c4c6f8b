// The subcommands of the program, one file each: a function that adds the subcommand, its options
// and what it does to the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "examples/cli/json.h"

namespace espalier::cli {

// What every subcommand has.
struct Common {
  bool json = false;  // print one JSON object as the last line of standard output
  int threads = 0;    // 0: as many as OpenMP chooses
};

// Adds a subcommand with the common options; `act` gets the parsed ones and returns the result,
// which is printed where --json is given. `act` captures the subcommand's own options by
// shared_ptr: they outlive this call. Errors are thrown.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description,
                      std::function<Json(const Common&)> act);

void add_bench(CLI::App& app);
void add_compact(CLI::App& app);
void add_completion(CLI::App& app);
void add_crossover(CLI::App& app);
void add_eval(CLI::App& app);
void add_inspect(CLI::App& app);
void add_predict(CLI::App& app);
void add_prune(CLI::App& app);
void add_report(CLI::App& app);
void add_run(CLI::App& app);
void add_sensitivity(CLI::App& app);
void add_train(CLI::App& app);

}  // namespace espalier::cli
