// Skipped: the files of a data set's folder that are not read, so that nothing is left out unsaid.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace espalier::datasets {

// How many files, by why they are not read: their ending ".txt", "hidden", "in FOLDER/".
using Skipped = std::map<std::string, std::int64_t>;

// Counts a file or a folder with all files in it.
void skip(const std::string& folder, const std::string& name, Skipped& to);
// Counts whatever a folder holds beside these names.
void skip_all_but(const std::string& folder, const std::vector<std::string>& names, Skipped& to);

// "12 files skipped: 10 .txt, 2 .heic"; "" where there are none.
std::string skipped_text(const Skipped& skipped);

}  // namespace espalier::datasets
