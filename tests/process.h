// A program that runs beside a test, for what happens while it runs.
#pragma once

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/cli.h"

namespace espalier::testing {

class Process {
 public:
  // espalier ARGUMENTS, split at spaces; standard output and error go to files. Interrupts are not
  // ignored, also where whoever started the tests ignores them.
  explicit Process(const std::string& arguments) {
    std::istringstream split(program_path() + " " + arguments);
    std::vector<std::string> words;
    for (std::string word; split >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = folder_ / "out", err = folder_ / "err";
    id_ = fork();
    REQUIRE(id_ >= 0);
    if (id_ > 0) return;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setenv("OMP_NUM_THREADS", "2", 1);
    unsetenv("ESPALIER_DATA");
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  ~Process() {
    if (id_ <= 0) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string err() const { return content(folder_ / "err"); }
  void send(int signal) const { kill(id_, signal); }

  // Looks every few milliseconds until the condition holds or the program has ended; whether the
  // condition holds.
  bool wait_until(const std::function<bool()>& condition) {
    while (!condition()) {
      if (ended()) return condition();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  // Waits for the end. Where a signal ended it, the status is 128 + that signal, as in a shell.
  Outcome end() {
    while (!ended()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const int status = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
    return {status, content(folder_ / "out"), err()};
  }
  bool ended_by_signal() const { return id_ == 0 && WIFSIGNALED(status_); }

 private:
  bool ended() {
    if (id_ > 0 && waitpid(id_, &status_, WNOHANG) == id_) id_ = 0;
    return id_ == 0;
  }

  TempDir folder_;
  pid_t id_ = 0;
  int status_ = 0;
};

}  // namespace espalier::testing
