// Completion: one script for each shell.
#include "examples/cli/completion.h"

#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// With every one of these letters behind a backslash, in single quotes.
std::string quoted(const std::string& text, const std::string& special) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (special.find(c) != special.npos) result += '\\';
    result += c;
  }
  return result + "'";
}

// Of a specification of zsh's, whose fields end at colons and brackets.
std::string field(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']') result += '\\';
    result += c;
  }
  return result;
}

bool names_file(const CLI::Option& option) {
  return option.get_type_name() == kFile || option.get_type_name() == kPicture;
}
bool names_folder(const CLI::Option& option) { return option.get_type_name() == kFolder; }

constexpr const char* kBashHead =
    R"(# bash completion for espalier, made by `espalier completion bash`
_espalier() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]} words= files=
  # Readline takes --option=value for three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
)";

constexpr const char* kBashTail = R"(  case $files in
    yes) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    folders) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ; return ;;
  esac
  compopt -o filenames 2>/dev/null
  return 0
}
complete -F _espalier espalier
)";

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::vector<std::string> names = {"--help", "--version"};
  std::string values, options;
  for (const CLI::App* command : commands_of(app)) {
    names.push_back(command->get_name());
    std::vector<std::string> own;
    std::string other;  // what stands without an option's name
    for (const CLI::Option* option : options_of(*command)) {
      const std::vector<std::string> choices = choices_of(*option);
      std::string action = "words='" + joined(choices) + "'";
      if (choices.empty())
        action = names_file(*option) ? "files=yes" : names_folder(*option) ? "files=folders" : ":";
      if (option->get_positional()) {
        other = action;
        continue;
      }
      own.push_back(long_name(*option));
      if (takes_value(*option))
        values += "    '" + command->get_name() + " " + own.back() + "') " + action + " ;;\n";
    }
    own.push_back("--help");
    options += "    " + command->get_name() + ")\n      if [[ $current == -* ]]; then words='" +
               joined(own) + "'" + (other.empty() ? "" : "; else " + other) + "; fi ;;\n";
  }
  return kBashHead +
         ("  if ((COMP_CWORD == 1)); then\n    words='" + joined(names) +
          "'\n  else case \"$command $before\" in\n") +
         values + "    *) case $command in\n" + options + "  esac ;; esac; fi\n" + kBashTail;
}

std::string zsh_completion(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : commands_of(app)) {
    commands += "    " + quoted(command->get_name() + ":" + command->get_description(), "") + "\n";
    cases += "    " + command->get_name() + ") _arguments";
    for (const CLI::Option* option : options_of(*command)) {
      const std::vector<std::string> choices = choices_of(*option);
      std::string value;
      if (takes_value(*option))
        value = !choices.empty()        ? ":value:(" + field(joined(choices)) + ")"
                : names_file(*option)   ? ":file:_files"
                : names_folder(*option) ? ":folder:_files -/"
                                        : ":value: ";
      const std::string name = option->get_positional() ? "*"
                               : takes_value(*option)   ? long_name(*option) + "="
                                                        : long_name(*option);
      const std::string about =
          option->get_positional() ? "" : "[" + field(option->get_description()) + "]";
      cases += " \\\n      " + quoted(name + about + value, "");
    }
    cases += " '--help[Show the options]' ;;\n";
  }
  return "#compdef espalier\n# zsh completion for espalier, made by `espalier completion zsh`\n"
         "_espalier() {\n  local -a commands=(\n" +
         commands +
         "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  ((CURRENT--))\n  case $command in\n" +
         cases + "  esac\n}\n_espalier \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text =
      "# fish completion for espalier, made by `espalier completion fish`\n"
      "complete -c espalier -n __fish_use_subcommand -f -l help\n"
      "complete -c espalier -n __fish_use_subcommand -f -l version\n";
  for (const CLI::App* command : commands_of(app)) {
    text += "complete -c espalier -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
            quoted(command->get_description(), "\\") + "\n";
    const std::string within =
        "complete -c espalier -n '__fish_seen_subcommand_from " + command->get_name() + "'";
    for (const CLI::Option* option : options_of(*command)) {
      const std::vector<std::string> choices = choices_of(*option);
      const std::string words = choices.empty() ? "" : " -a " + quoted(joined(choices), "\\");
      if (option->get_positional()) {
        if (!choices.empty()) text += within + " -f" + words + "\n";
        continue;
      }
      text += within + " -l " + long_name(*option).substr(2);
      if (takes_value(*option))
        text += names_folder(*option) ? " -x -a '(__fish_complete_directories)'"
                : names_file(*option) ? " -r -F"
                                      : " -x" + words;
      else
        text += " -f";
      text += " -d " + quoted(option->get_description(), "\\") + "\n";
    }
  }
  return text;
}

}  // namespace espalier::cli
