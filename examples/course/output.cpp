// Output: line by line into a file or pipe, too, so that a lesson that is stopped leaves what it
// has said. Linked into every lesson and example, it needs no call.
#include <cstdio>

namespace {

[[maybe_unused]] const int line_by_line = std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);

}  // namespace
