// Stopwatch: how speed is measured where other programs disturb.
#pragma once

#include <vector>

namespace espalier::cli {

double wall_seconds();
// By the clock, or where the engine runs one thread, of processor time, which other programs take
// no part of.
double work_seconds();

double median(std::vector<double> values);  // not empty

// The multiply-add peak of all threads, in floating-point operations a second, measured for about
// this long.
double measure_peak(double seconds);

}  // namespace espalier::cli
