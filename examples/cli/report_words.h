// Numbers as a report writes them, for people.
#pragma once

#include <string>

#include "examples/cli/report_facts.h"

namespace espalier::cli {

std::string percent_text(double share, int digits = 1);        // "90.0 %"
std::string bytes_text(std::int64_t bytes);                    // "1.11 MB"
std::string count_text(std::int64_t count);                    // "7.71 million", "12,345"
std::string ms_text(double milliseconds);                      // "4.63 ms"
std::string ratio_text(double ratio);                          // "0.13", "4.6"
double ms_of(const BatchSpeed& speed, bool training = false);  // of one batch

// "79.90 ± 0.40 %", "79.90 %" where it is not known of how many pictures, "" where nothing is.
std::string accuracy_text(const ReportFile& file);

// What one sees, in one sentence of several halves, from the first file to the last:
// "90 % of the weights gone, 98.1 % → 98.1 %, 4.6× faster, 0.13 of the bytes"
std::vector<std::string> headline_parts(const ReportFacts& facts);
std::string headline(const ReportFacts& facts);
std::string subline(const ReportFacts& facts);  // the same in absolute figures

}  // namespace espalier::cli
