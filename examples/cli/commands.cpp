// Commands: what every subcommand does before and after its own work.
#include "examples/cli/commands.h"

#include <iostream>

#include "core/error.h"
#include "core/parallel.h"
#include "core/system.h"
#include "examples/cli/console.h"
#include "examples/cli/help.h"
#include "examples/cli/progress_bar.h"

namespace espalier::cli {

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description,
                      std::function<Json(const Common&)> act) {
  CLI::App* command = app.add_subcommand(name, description);
  const auto common = std::make_shared<Common>();
  command->option_defaults()->group(kGeneral);
  command->add_flag("--json", common->json, "Print one JSON object as the last line of output");
  command->add_option("--threads", common->threads, "Threads, 1 to 1024")
      ->check(CLI::Range(1, 1024))
      ->default_str("one a core");
  command->option_defaults()->group("Options")->always_capture_default();
  command->callback([common, act = std::move(act)] {
    if (common->threads > 0) set_num_threads(common->threads);
    answer_to_stderr(common->json);
    say(describe());
    if (const std::string text = warning(); !text.empty()) say("warning: " + text);
    const LibraryBars bars;
    const Json result = act(*common);
    if (!common->json) return;
    std::cout << result.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    check(std::cout.good(), "standard output: cannot be written");
  });
  return command;
}

}  // namespace espalier::cli
