// Running the program as a user does, for the tests of the command line.
#pragma once

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "datasets/datasets.h"
#include "tests/tempdir.h"

namespace espalier::testing {

using Json = nlohmann::json;

struct Outcome {
  int status = -1;       // exit status
  std::string out, err;  // standard output and standard error

  // The last line of standard output, parsed.
  Json json() const {
    std::string text = out;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const std::size_t start = text.rfind('\n');
    return Json::parse(start == text.npos ? text : text.substr(start + 1), nullptr, false);
  }
};

inline std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The program, as the Makefile names it.
inline std::string program_path() {
  const char* program = std::getenv("ESPALIER_PROGRAM");
  return program ? program : "build/espalier";
}

// A shell command, with two threads.
inline Outcome run_command(const std::string& command) {
  const TempDir folder;
  const std::string out = folder / "out", err = folder / "err";
  const std::string all =
      "export OMP_NUM_THREADS=2; (" + command + ") >" + out + " 2>" + err + " </dev/null";
  const int status = std::system(all.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out), content(err)};
}

// espalier ARGUMENTS, without data named by the environment.
inline Outcome run_program(const std::string& arguments, const std::string& variables = "") {
  return run_command("env -u ESPALIER_DATA " + variables + " " + program_path() + " " + arguments);
}

// How many lines a text has.
inline int lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// One sentence on standard error, after whatever was said before; nothing on standard output.
inline void expect_error(const std::string& arguments, int status, const std::string& part) {
  const Outcome run = run_program(arguments);
  CAPTURE(arguments);
  CAPTURE(run.err);
  CHECK(run.status == status);
  CHECK(run.out.empty());
  const std::size_t at = run.err.find("espalier: ");
  REQUIRE(at != run.err.npos);
  CHECK(run.err.find("espalier: ", at + 1) == run.err.npos);
  CHECK(run.err.find(part, at) != run.err.npos);
  CHECK(lines(run.err.substr(at)) == 1);
}

// A small generated data set in a folder.
inline void write_small_data(const std::string& folder) {
  datasets::write_shapes(folder, {.train = 80, .test = 40});
}

// Five grey pictures of 32x32 in a folder for each class, one of which is to test on.
inline void write_class_folders(const std::string& folder,
                                const std::vector<std::string>& classes) {
  const std::vector<std::uint8_t> grey(3 * 32 * 32, 128);
  for (const std::string& name : classes) {
    const std::string one = folder + "/" + name;
    std::filesystem::create_directories(one);
    for (const char* picture : {"1.png", "2.png", "3.png", "4.png", "5.png"})
      datasets::write_picture(one + "/" + picture, grey, 3, 32, 32);
  }
}

}  // namespace espalier::testing
