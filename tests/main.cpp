// The test program's main: runs doctest, then closes with the plain line "N passed, N failed" that
// counts test cases. The tests themselves are in the other files of this folder.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>
#include <string>
#include <vector>

#include "tests/gradcheck.h"

namespace {

// doctest prints its summary but does not hand it out: a listener keeps it.
struct Totals {
  bool finished = false;  // false when doctest only answered a question (--list-test-cases)
  unsigned known = 0, run = 0, failed = 0;
};
Totals totals;

struct Counter : doctest::IReporter {
  explicit Counter(const doctest::ContextOptions&) {}
  void test_run_end(const doctest::TestRunStats& stats) override {
    totals = {true, stats.numTestCases, stats.numTestCasesPassingFilters, stats.numTestCasesFailed};
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("counter", 1, Counter);

// What only a complete run can tell: one sentence for everything that no test looked at.
std::vector<std::string> unproved() {
  std::vector<std::string> sentences;
  for (const std::string& operation : espalier::testing::unchecked_operations())
    sentences.push_back(operation +
                        ": no test checked its gradient, expected a call of check_gradient()");
  return sentences;
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  int status = context.run();
  if (!totals.finished) return status;

  // A run that was told to leave test cases out says nothing about what the others look at.
  if (totals.run == totals.known) {
    for (const std::string& sentence : unproved()) {
      std::cout << sentence << "\n";
      ++totals.failed, ++totals.run;
      status = 1;
    }
  }
  if (totals.run == 0) status = 1;  // a filter that matches nothing proves nothing
  std::cout << totals.run - totals.failed << " passed, " << totals.failed << " failed" << std::endl;
  return status;
}
