// Contention: whether other programs use the processors that the threads of a parallel loop run on.
// Threads that wait for the next loop spin for some milliseconds, which is fastest on a quiet
// machine and takes the processor from others, or from threads of their own loop, on a busy one.
#pragma once

#include <cstdint>

namespace espalier {

struct LoopStart {
  std::int64_t time;  // nanoseconds of the monotonic clock
  bool sampled;       // every few milliseconds a loop is
};

// A loop on so many threads begins. Draws the conclusion from the samples so far: where threads had
// to wait for processors, idle ones go to sleep at once from now on, until for some seconds none
// had to wait. Any thread may call.
LoopStart loop_starts(int threads);

// What one thread does in a loop, from its arrival to the end of its share. Counts how late it
// comes and, in a sampled loop, the time that passes beside the time that it has a processor.
// Nothing may wait meanwhile.
class ContentionSample {
 public:
  explicit ContentionSample(const LoopStart& start);
  ~ContentionSample();
  ContentionSample(const ContentionSample&) = delete;
  ContentionSample& operator=(const ContentionSample&) = delete;

 private:
  bool sampled_;
  std::int64_t passed_ = 0, worked_ = 0;  // nanoseconds
};

// Whether idle threads sleep at once now.
bool idle_threads_sleep();

}  // namespace espalier
