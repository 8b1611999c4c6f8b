// Data sets in a folder. The first byte of the input says which file the rest is: idx images or
// labels, plain or packed by gzip, a batch of CIFAR-10 or of CIFAR-100, or names of classes. The
// other files of the folder are sound.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "datasets/datasets.h"
#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* file;
  std::size_t images;  // bytes of an image's record, or 0
};
constexpr Kind kKinds[] = {{"train-images-idx3-ubyte", 0}, {"train-images-idx3-ubyte.gz", 0},
                           {"train-labels-idx1-ubyte", 0}, {"train-labels-idx1-ubyte.gz", 0},
                           {"data_batch_1.bin", 3073},     {"train.bin", 3074},
                           {"batches.meta.txt", 0}};

void write(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary).write(content.data(), std::ssize(content));
}

// Sound files of two images for every kind, but the one that the input is.
fs::path folder_of(const Kind& kind) {
  using namespace std::string_view_literals;
  const std::string_view name = kind.file;
  const fs::path folder =
      fs::temp_directory_path() / ("espalier-fuzz-" + std::to_string(getpid())) / name;
  if (fs::exists(folder)) return folder;
  fs::create_directories(folder);
  const bool idx = name.find("idx") != name.npos;
  const std::string ten(2 * 3073, '\1'), hundred(2 * 3074, '\1');
  if (idx) {
    for (const char* set : {"train", "t10k"}) {
      write(folder / (std::string(set) + "-images-idx3-ubyte"),
            "\0\0\x8\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4"sv);
      write(folder / (std::string(set) + "-labels-idx1-ubyte"), "\0\0\x8\1\0\0\0\2\1\2"sv);
    }
    const std::string plain(name.substr(0, name.find(".gz")));
    fs::remove(folder / plain);
  } else if (name == "train.bin") {
    write(folder / "test.bin", hundred);
  } else {
    write(folder / "data_batch_1.bin", ten);
    write(folder / "test_batch.bin", ten);
  }
  return folder;
}

const Registered target("data", [](Input input) {
  if (input.empty()) return;
  const Kind& kind = kKinds[static_cast<std::size_t>(input[0]) % std::size(kKinds)];
  std::string content(text_of(input.subspan(1)));
  // Records are long: one byte stands for many.
  if (kind.images && content.size() < 64)
    for (std::size_t i = 0, count = content.size(); i < count && content.size() < 4096; ++i)
      content.append(static_cast<unsigned char>(content[i]) * std::size_t{16}, content[i]);
  const fs::path folder = folder_of(kind);
  write(folder / kind.file, content);
  reads([&] {
    const datasets::Data data =
        datasets::open(folder.string(), {.max_pixels = std::int64_t{1} << 16});
    expect(data.train.size() > 0 &&
               std::ssize(data.train.images) == data.train.size() * data.train.picture_size(),
           "every image has its pixels");
    for (const std::int32_t label : data.train.labels)
      expect(label >= 0 && label < std::ssize(data.train.classes), "every label has a class");
  });
});

}  // namespace
}  // namespace espalier::fuzz
