// Suggest: which word was meant, where a wrong one was typed.
#pragma once

#include <string>
#include <vector>

namespace espalier::cli {

// How many letters are inserted, left out, changed, or exchanged with their neighbour on the way
// from one word to the other, no letter twice (optimal string alignment, after Damerau, 1964).
int edit_distance(const std::string& a, const std::string& b);

// "; did you mean train?" where one of the words is near, else nothing.
std::string did_you_mean(const std::string& found, const std::vector<std::string>& words);

// "a, b or c"; of many words "one of a, b, c".
std::string listed(const std::vector<std::string>& words);

}  // namespace espalier::cli
