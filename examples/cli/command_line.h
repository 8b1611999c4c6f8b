// CommandLine: what the user typed, for logs and reports.
#pragma once

#include <string>

namespace espalier::cli {

// Once, as the program starts.
void remember_command_line(int argc, char** argv);

// "espalier train --model convnet --out 'my net.safetensors'": fit to be typed again.
const std::string& command_line();

}  // namespace espalier::cli
