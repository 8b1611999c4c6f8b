// The multiply-add peak of this processor and build, as a measure for kernels.
#pragma once

#include <cstdint>

namespace espalier {

// On every thread, `rounds` rounds of multiply-adds on vectors in registers, none of which waits
// for another. Returns the number of floating-point operations, two a multiply-add and lane; the
// caller takes the time.
double run_peak(std::int64_t rounds);

}  // namespace espalier
