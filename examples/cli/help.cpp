// Help: the layout of the texts.
#include "examples/cli/help.h"

#include <algorithm>

#include "examples/cli/suggest.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

constexpr std::size_t kWidth = 90, kColumn = 28;

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

// Words in lines from a column on, the first of which has begun already.
std::string wrapped(const std::string& text, std::size_t column) {
  std::string result;
  std::size_t at = column;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (at > column && at + 1 + word.size() > kWidth) {
      result += "\n" + std::string(column, ' ');
      at = column;
    }
    if (at > column) result += ' ';
    result += word;
    at += word.size() + (at > column);
  }
  return result;
}

// What stands for the value: "N", "X", "FILE"; nothing for a flag.
std::string placeholder(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  const std::string type = option.get_type_name().substr(0, option.get_type_name().find(':'));
  const bool many = option.get_items_expected_max() > 1;
  const std::string one = type == "INT" || type == "UINT" ? "N"
                          : type == "FLOAT"               ? "X"
                          : type == "TEXT"                ? "NAME"
                          : type == "BOOLEAN"             ? "true|false"
                                                          : type;
  return many && option.get_delimiter() ? one + ",..." : many ? one + "..." : one;
}

std::string line_of(const CLI::Option& option) {
  const std::string value = placeholder(option);
  std::string left = "  " + (option.get_positional() ? value : long_name(option));
  if (!option.get_positional() && !value.empty()) left += " " + value;
  std::string text = option.get_description();
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) text += ": " + listed(choices);
  std::string standard = option.get_default_str();
  if (standard.size() > 1 && standard[0] == '[') standard = standard.substr(1, standard.size() - 2);
  if (!standard.empty() && !value.empty()) text += " (" + standard + ")";
  if (option.get_required() && !option.get_positional()) text += "; required";
  if (left.size() + 2 > kColumn)
    return left + "\n" + std::string(kColumn, ' ') + wrapped(text, kColumn) + "\n";
  return padded(left, kColumn) + wrapped(text, kColumn) + "\n";
}

std::string usage_of(const CLI::App& command) {
  std::string text = "espalier " + command.get_name();
  for (const CLI::Option* option : options_of(command)) {
    if (!option->get_required()) {
      if (option->get_positional()) text += " [" + placeholder(*option) + "]";
      continue;
    }
    text += " " + (option->get_positional() ? placeholder(*option)
                                            : long_name(*option) + " " + placeholder(*option));
  }
  return "Usage: " + text + " [options]\n";
}

}  // namespace

std::string overview(const CLI::App& app) {
  std::string text = app.get_description() + "\n\n  espalier COMMAND [options]\n\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    text += "  " + padded(command->get_name(), 14) + command->get_description() + "\n";
  return text +
         "\nTo begin with:\n\n"
         "  espalier run                                  everything once, on pictures of shapes\n"
         "  espalier train --out net.safetensors          a network of one's own\n"
         "  espalier prune net.safetensors --sparsity 0.9 --out pruned.safetensors\n"
         "  espalier compact pruned.safetensors --out small.safetensors\n\n"
         "`espalier COMMAND --help` shows the options of a command, with an example.\n";
}

std::string Help::make_help(const CLI::App* command, std::string, CLI::AppFormatMode) const {
  if (!command->get_parent()) return overview(*command);
  std::string text = usage_of(*command) + "\n" + command->get_description() + ".\n";
  std::vector<std::string> groups;
  for (const CLI::Option* option : options_of(*command))
    if (std::find(groups.begin(), groups.end(), option->get_group()) == groups.end())
      groups.push_back(option->get_group());
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group != kGeneral; });
  for (const std::string& group : groups) {
    text += "\n" + group + ":\n";
    for (const CLI::Option* option : options_of(*command))
      if (option->get_group() == group) text += line_of(*option);
  }
  return text + "\n" + command->get_footer() + "\n";
}

}  // namespace espalier::cli
