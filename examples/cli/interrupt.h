// Interrupt: Ctrl-C, and the SIGTERM that machines are shut down with. The first one only asks: the
// work goes on to the next place where it can stop and leave something to go on with. The second
// one ends the program at once, and so does a timer after half a minute in which nobody looked and
// no parallel loop began.
#pragma once

#include <exception>
#include <string>

namespace espalier::cli {

// What is thrown where the work stops: one sentence that says what is left behind.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(std::string sentence) : sentence_(std::move(sentence)) {}
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string sentence_;
};

// From now on a signal asks. One that the program was started to ignore stays ignored.
void listen_for_interrupts();

bool interrupt_asked();
int interrupt_status();  // the exit status that shells expect: 130 after Ctrl-C, 143 after SIGTERM

// Throws Interrupted where one was asked for, unless an InterruptsWait lives.
void stop_if_interrupted();

// While it lives, whoever made it stops by himself, at a place of his own.
class InterruptsWait {
 public:
  InterruptsWait();
  ~InterruptsWait();
  InterruptsWait(const InterruptsWait&) = delete;
  InterruptsWait& operator=(const InterruptsWait&) = delete;
};

// A word as a shell reads it back: quoted where it has more than letters, digits and "_./:,=+-".
std::string shell_word(const std::string& word);

}  // namespace espalier::cli
