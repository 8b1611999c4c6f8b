// Colour: a little of it, where it helps the eye: on terminals that want it, and nowhere else.
#pragma once

#include <string>

namespace espalier::cli {

enum class Style { Bold, Dim, Red, Green };

// The text with the terminal's codes around it. What is said or answered (console.h) loses them
// again where they are not wanted, so that nobody else has to ask.
std::string paint(Style style, const std::string& text);

std::string without_colour(const std::string& text);

// Whether this is a terminal (not TERM=dumb) whose user wants colours (no NO_COLOR, see
// no-color.org).
bool wants_colour(int descriptor);
// Whether lines there can be taken away again.
bool is_terminal(int descriptor);

}  // namespace espalier::cli
