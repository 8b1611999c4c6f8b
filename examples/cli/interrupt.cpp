// Interrupt: the signal handler, which may do next to nothing, and those who look.
#include "examples/cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <string_view>

#include "core/parallel.h"

namespace espalier::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};
constexpr unsigned kPatience = 30;  // seconds
std::atomic<int> asked = 0;         // the signal's number
std::atomic<bool> noticed = false;  // somebody has looked since
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not wait");
std::uint64_t seen_loops = 0;
int waiting = 0;  // how many InterruptsWait there are

// Work that never looks, because it is stuck or waits for input, is ended all the same; not a step
// of a training that takes long, whose loops begin one after the other.
void end_what_hangs(int) {
  if (noticed) return;
  const std::uint64_t loops = loops_begun();
  if (loops != seen_loops) {
    seen_loops = loops;
    alarm(kPatience);
    return;
  }
  constexpr char kMessage[] =
      "espalier: interrupted, and ended since nothing moved for half a minute; what was not "
      "written is lost\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(interrupt_status());
}

void ask(int signal) {
  asked = signal;
  seen_loops = loops_begun();
  struct sigaction usual = {}, now;
  usual.sa_handler = end_what_hangs;
  sigaction(SIGALRM, &usual, nullptr);
  alarm(kPatience);
  usual.sa_handler = SIG_DFL;
  for (const int any : kSignals) {  // those that are listened for, not one that is ignored
    sigaction(any, nullptr, &now);
    if (now.sa_handler == ask) sigaction(any, &usual, nullptr);
  }
}

}  // namespace

void listen_for_interrupts() {
  struct sigaction action = {}, before;
  action.sa_handler = ask;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) {
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

bool interrupt_asked() {
  if (asked == 0) return false;
  noticed = true;
  return true;
}

int interrupt_status() { return 128 + asked; }

void stop_if_interrupted() {
  if (interrupt_asked() && waiting == 0)
    throw Interrupted("interrupted before it was done; nothing is half written");
}

InterruptsWait::InterruptsWait() { ++waiting; }
InterruptsWait::~InterruptsWait() { --waiting; }

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "_./:,=+-";
  bool plain = !word.empty();
  for (const char c : word)
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) || kPlain.find(c) != kPlain.npos);
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace espalier::cli
