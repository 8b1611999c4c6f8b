// Reading files whole, and replacing them in a single step or not at all.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "datasets/paths.h"
#include "tests/tempdir.h"
#include "tests/unprivileged.h"

using namespace espalier;
using espalier::testing::TempDir;
using espalier::testing::Unprivileged;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The message of the Error that the action throws; "" when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

int entries_in(const fs::path& folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Lets no file of this process grow beyond so many bytes: a disk that fills up, for a moment. The
// signal that comes with it would end the process.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~SmallDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

void die() { kill(getpid(), SIGKILL); }

// Runs it in a process of its own; it ends in die(), so that no destructor runs.
void killed_after(const std::function<void()>& action) {
  const pid_t id = fork();
  REQUIRE(id >= 0);
  if (id == 0) {
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(id, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
}

}  // namespace

TEST_CASE("read_file gives every byte") {
  TempDir folder;
  std::string content;
  for (int i = 0; i < 200000; ++i) content += static_cast<char>(i * 7 + i / 256);
  for (const std::size_t size : {0, 1, 4096, 65536, 200000}) {
    write_file(folder / "bytes", content.substr(0, size));
    CHECK(text_of(folder / "bytes") == content.substr(0, size));
  }
}

TEST_CASE("read_file reads a pipe to its end") {
  TempDir folder;
  const std::string path = folder / "pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const std::string content(300000, 'p');
  std::thread writer([&] {
    const int pipe = open(path.c_str(), O_WRONLY);
    std::size_t sent = 0;
    while (sent < content.size()) {
      const ssize_t part = write(pipe, content.data() + sent, content.size() - sent);
      if (part <= 0) break;
      sent += static_cast<std::size_t>(part);
    }
    close(pipe);
  });
  const std::string found = text_of(path);
  writer.join();
  CHECK(found == content);
}

TEST_CASE("read_file says what is wrong with a path") {
  TempDir folder;
  write_file(folder / "file", "x");
  const std::string missing = folder / "none", below = folder / "file/below";
  CHECK(error_of([&] { read_file(missing); }) ==
        missing + ": cannot open it: No such file or directory");
  CHECK(error_of([&] { read_file(below); }) == below + ": cannot open it: Not a directory");
  CHECK(error_of([&] { read_file(folder.path().string()); }) ==
        folder.path().string() + ": found a folder, expected a file");
  // Would never end.
  CHECK(error_of([&] { read_file("/dev/zero"); }) ==
        "/dev/zero: found a device or the like, expected a file");
}

TEST_CASE("read_file refuses what the user may not read") {
  TempDir folder;
  write_file(folder / "secret", "x");
  fs::permissions(folder / "secret", fs::perms::none);
  std::string message;
  {
    const Unprivileged user;
    if (!user.works()) return;
    message = error_of([&] { read_file(folder / "secret"); });
  }
  CHECK(message == (folder / "secret") + ": cannot open it: Permission denied");
}

TEST_CASE("a file is replaced at commit and not before") {
  TempDir folder;
  write_file(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write("ne", 2);
    file.write("", 0);
    file.write("w", 1);
    CHECK(text_of(folder / "file") == "old");
    file.commit();
    CHECK(text_of(folder / "file") == "new");
  }
  CHECK(text_of(folder / "file") == "new");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("without commit nothing changes and nothing stays behind") {
  TempDir folder;
  write_file(folder / "file", "old");
  {
    AtomicFile file(folder / "file"), fresh(folder / "fresh");
    file.write("new", 3);
    fresh.write("new", 3);
    CHECK(entries_in(folder.path()) == 3);  // beside the target, where renaming works
  }
  CHECK(text_of(folder / "file") == "old");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("two writers of one file do not meet: the last commit counts") {
  TempDir folder;
  AtomicFile first(folder / "file"), second(folder / "file");
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  CHECK(text_of(folder / "file") == "second");
  first.commit();
  CHECK(text_of(folder / "file") == "first");
}

TEST_CASE("a full disk leaves the old file whole and no temporary file") {
  TempDir folder;
  write_file(folder / "file", "old");
  const std::string large(100000, 'x');
  std::string message;
  {
    const SmallDisk disk(30000);
    message = error_of([&] { write_file(folder / "file", large); });
  }
  CHECK(message == (folder / "file") + ": cannot write it: File too large");
  CHECK(text_of(folder / "file") == "old");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("a place that cannot be written to is an error that names it") {
  TempDir folder;
  write_file(folder / "file", "old");
  const std::string below = folder / "file/below", nowhere = folder / "none/file";
  CHECK(error_of([&] { write_file(below, "x"); }) == below + ": cannot create it: Not a directory");
  CHECK(error_of([&] { write_file(nowhere, "x"); }) ==
        nowhere + ": cannot create it: No such file or directory");
  CHECK(error_of([&] { write_file(folder.path().string(), "x"); }) ==
        folder.path().string() + ": found a folder, expected a file");
  CHECK(contains(error_of([&] { write_file("", "x"); }), "empty name"));
  // Renaming over a device would remove it for everybody.
  CHECK(error_of([&] { write_file("/dev/null", "x"); }) ==
        "/dev/null: found a device or the like, expected a file");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("a folder or a file without write permission is respected") {
  TempDir folder;
  fs::create_directory(folder / "open");
  fs::create_directory(folder / "closed");
  write_file(folder / "open/file", "old");
  write_file(folder / "closed/file", "old");
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(folder / "open/file", fs::perms(0444));
  fs::permissions(folder / "open", fs::perms(0777));
  fs::permissions(folder / "closed/file", fs::perms(0666));
  fs::permissions(folder / "closed", fs::perms(0555));
  std::string read_only, closed;
  {
    const Unprivileged user;
    if (!user.works()) return;
    read_only = error_of([&] { write_file(folder / "open/file", "new"); });
    closed = error_of([&] { write_file(folder / "closed/file", "new"); });
  }
  CHECK(read_only == (folder / "open/file") + ": cannot write it: Permission denied");
  CHECK(closed == (folder / "closed/file") + ": cannot create it: Permission denied");
  CHECK(text_of(folder / "open/file") == "old");
  CHECK(text_of(folder / "closed/file") == "old");
  fs::permissions(folder / "closed", fs::perms(0755));
  CHECK(entries_in(folder / "open") == 1);
  CHECK(entries_in(folder / "closed") == 1);
}

TEST_CASE("a replaced file keeps its permissions, a new one follows the umask") {
  TempDir folder;
  write_file(folder / "file", "old");
  fs::permissions(folder / "file", fs::perms(0666));
  const mode_t before = umask(027);
  write_file(folder / "file", "new");
  write_file(folder / "fresh", "new");
  umask(before);
  CHECK(fs::status(folder / "file").permissions() == fs::perms(0666));
  CHECK(fs::status(folder / "fresh").permissions() == fs::perms(0640));
}

TEST_CASE("writing through a symbolic link keeps the link") {
  TempDir folder;
  fs::create_directory(folder / "far");
  write_file(folder / "far/file", "old");
  fs::create_symlink("far/file", folder / "link");
  write_file(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(text_of(folder / "far/file") == "new");
  CHECK(entries_in(folder / "far") == 1);
}

TEST_CASE("writing through symbolic links to a file that does not exist yet creates that file") {
  TempDir folder;
  fs::create_directories(folder / "far/deep");
  fs::create_symlink("far/deep/second", folder / "first");
  fs::create_symlink("../file", folder / "far/deep/second");
  fs::create_symlink(folder / "far/absolute", folder / "third");
  write_file(folder / "first", "new");
  write_file(folder / "third", "absolute");
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "far/deep/second"));
  CHECK(text_of(folder / "far/file") == "new");
  CHECK(text_of(folder / "far/absolute") == "absolute");
  CHECK(entries_in(folder.path()) == 3);

  fs::create_symlink("none/file", folder / "nowhere");
  CHECK(error_of([&] { write_file(folder / "nowhere", "x"); }) ==
        (folder / "nowhere") + ": cannot create it: No such file or directory");
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  CHECK(contains(error_of([&] { write_file(folder / "a", "x"); }),
                 (folder / "a") + ": found a symbolic link that leads back to itself"));
  CHECK(fs::is_symlink(folder / "a"));
}

TEST_CASE("what a killed writer left behind is removed by the next one, what is in use is not") {
  TempDir folder;
  write_file(folder / "file", "old");
  for (int i = 0; i < 3; ++i)
    killed_after([&] {
      AtomicFile first(folder / "file"), second(folder / "file");
      first.write("half", 4);
      die();
    });
  CHECK(text_of(folder / "file") == "old");
  CHECK(entries_in(folder.path()) == 3);  // of the last one: the others removed what they found
  AtomicFile slow(folder / "file");
  slow.write("slow", 4);
  CHECK(entries_in(folder.path()) == 2);
  killed_after([&] {
    AtomicFile third(folder / "file");
    die();
  });
  write_file(folder / "file", "new");
  CHECK(entries_in(folder.path()) == 2);
  slow.commit();
  CHECK(text_of(folder / "file") == "slow");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("what a killed writer of a folder left behind is removed by the next one") {
  TempDir folder;
  const std::string target = folder / "data";
  killed_after([&] {
    const datasets::NewFolder fresh(target);
    write_file(fresh.path() + "/file", "half");
    die();
  });
  CHECK(entries_in(folder.path()) == 1);
  datasets::NewFolder fresh(target), other(target);
  CHECK(entries_in(folder.path()) == 2);
  CHECK(entries_in(fresh.path()) == 0);
  fresh.commit();
  CHECK(fs::is_directory(target));
}

TEST_CASE("a line is appended whole or not at all") {
  TempDir folder;
  append_to_file(folder / "log", "first\n");
  append_to_file(folder / "log", "second\n");
  std::string message;
  {
    const SmallDisk disk(20);
    message = error_of([&] { append_to_file(folder / "log", "a third line\n"); });
  }
  CHECK(message == (folder / "log") + ": cannot write it: File too large");
  CHECK(text_of(folder / "log") == "first\nsecond\n");
  CHECK(contains(error_of([&] { append_to_file("/dev/null", "x"); }), "found a device"));
}
