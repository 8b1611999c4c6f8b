// Usage: choices, and wrong use as a sentence.
#include "examples/cli/usage.h"

#include <algorithm>

#include "examples/cli/console.h"
#include "examples/cli/suggest.h"
#include "layers/models/models.h"

namespace espalier::cli {
namespace {

constexpr const char* kChoices = "one of";

const auto every_command = [](const CLI::App*) { return true; };

// The command that was parsed; the whole program where none was.
const CLI::App& parsed_command(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : *commands[0];
}

}  // namespace

CLI::Validator one_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return {[words](std::string& found) -> std::string {
            if (std::find(words.begin(), words.end(), found) != words.end()) return "";
            return "found '" + found + "', expected " + listed(words) + did_you_mean(found, words);
          },
          text, kChoices};
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  // CLI11 has no way to look that changes nothing, and throws where there is none.
  try {
    const CLI::Validator* found = const_cast<CLI::Option&>(option).get_validator(kChoices);
    return CLI::detail::split(found->get_description(), ',');
  } catch (const CLI::OptionNotFound&) {
    return {};
  }
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const layers::ModelChoice& choice : layers::model_choices()) names.push_back(choice.name);
  return names;
}

std::string long_name(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  return names.empty() ? option.get_name() : "--" + names[0];
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  std::vector<const CLI::Option*> options = command.get_options();
  std::erase_if(options, [&](const CLI::Option* o) {
    return o == command.get_help_ptr() || o == command.get_version_ptr();
  });
  return options;
}

std::string sentence(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = parsed_command(app);
  const std::string name = &command == &app ? "command" : command.get_name();
  // What nobody wanted is worth more than what is missing because of it.
  const std::vector<std::string> unknown = app.remaining(true);
  const auto dashed = std::find_if(unknown.begin(), unknown.end(), [](const std::string& word) {
    return word.size() > 1 && word[0] == '-';
  });
  if (dashed != unknown.end()) {
    const std::string word = dashed->substr(0, dashed->find('='));
    std::vector<std::string> names = {"--help"};
    if (&command == &app) names.push_back("--version");
    for (const CLI::Option* option : options_of(command))
      if (option->nonpositional()) names.push_back(long_name(*option));
    return name + ": found " + word + ", expected an option that `" +
           (&command == &app ? "espalier" : "espalier " + name) + " --help` lists" +
           did_you_mean(word, names);
  }
  if (!unknown.empty())
    return name + ": found '" + unknown[0] + "', expected no more than its options";
  const std::string text = error.what();
  if (error.get_name() == "ConversionError") {
    constexpr std::string_view kBefore = "Could not convert: ", kBetween = " = ";
    const std::size_t at = text.find(kBetween);
    if (text.starts_with(kBefore) && at != text.npos)
      return text.substr(kBefore.size(), at - kBefore.size()) + ": found '" +
             text.substr(at + kBetween.size()) + "', expected a number";
  }
  if (error.get_name() != "RequiredError") return text;
  constexpr std::string_view kMissing = " is required";
  if (&command == &app || !text.ends_with(kMissing)) return name + ": " + text;
  return name + ": found no " + text.substr(0, text.size() - kMissing.size()) +
         ", expected it as in the example of `espalier " + name + " --help`";
}

void check_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(every_command))
    names.push_back(command->get_name());
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return;
  throw UsageError("command: found " + word + ", expected " + listed(names) +
                   did_you_mean(word, names));
}

}  // namespace espalier::cli
