// The program on a terminal, for what it shows there and nowhere else.
#pragma once

#include <doctest/doctest.h>

#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/cli.h"

namespace espalier::testing {

class Terminal {
 public:
  // A shell command on a terminal of its own, 100 columns wide.
  explicit Terminal(const std::string& command) {
    const std::string all = "exec env -u ESPALIER_DATA -u NO_COLOR TERM=xterm " + command;
    winsize size = {};
    size.ws_row = 30;
    size.ws_col = 100;
    id_ = forkpty(&master_, nullptr, nullptr, &size);
    REQUIRE(id_ >= 0);
    if (id_ > 0) return;
    signal(SIGINT, SIG_DFL);  // may be ignored where the tests were started
    execl("/bin/sh", "sh", "-c", all.c_str(), nullptr);
    _exit(127);
  }
  ~Terminal() {
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
    close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(char key) { CHECK(write(master_, &key, 1) == 1); }

  // Reads until these words are there; false where the program ends without them.
  bool wait_for(const std::string& words) {
    while (shown_.find(words) == shown_.npos)
      if (!read_some()) return false;
    return true;
  }
  // All that was shown until the end.
  const std::string& rest() {
    while (read_some()) continue;
    return shown_;
  }
  // The exit status, after rest().
  int status() {
    int status = 0;
    if (id_ > 0) waitpid(id_, &status, 0);
    id_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  bool read_some() {
    char bytes[4096];
    const ssize_t count = read(master_, bytes, sizeof bytes);  // an error once nobody writes
    if (count > 0) shown_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  pid_t id_ = 0;
  int master_ = -1;
  std::string shown_;
};

}  // namespace espalier::testing
