// CIFAR: records of labels and planes, checked one by one.
#include "datasets/cifar.h"

#include <span>

#include "core/error.h"
#include "core/file.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

constexpr int kSide = 32, kBatches = 5;
constexpr std::size_t kPixels = 3 * kSide * kSide;

// A label byte of a record: what it is called, and how many values it may have.
struct LabelByte {
  const char* name;
  std::size_t classes;
};

Dataset empty_set(const std::vector<std::string>& classes) {
  return {.channels = 3,
          .height = kSide,
          .width = kSide,
          .images = {},
          .labels = {},
          .classes = classes};
}

// Adds the records of one file, labelled by their last label byte.
void read_records(const std::string& path, std::span<const LabelByte> label_bytes, Dataset& to) {
  const std::vector<std::byte> bytes = read_file(path);
  const std::size_t size = label_bytes.size() + kPixels;
  const std::size_t count = bytes.size() / size, rest = bytes.size() % size;
  check(count > 0 && rest == 0, path, ": found ", bytes.size(), " bytes, which is ", count,
        " records and ", rest, " bytes, expected one or more whole records of ", size, " bytes");
  reserve_images(to, static_cast<std::int64_t>(count), path);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* record = reinterpret_cast<const std::uint8_t*>(bytes.data()) + i * size;
    for (std::size_t k = 0; k < label_bytes.size(); ++k)
      check(record[k] < label_bytes[k].classes, path, ": found ", label_bytes[k].name, " ",
            int{record[k]}, " in record ", i, ", expected 0 to ", label_bytes[k].classes - 1);
    const std::uint8_t* pixels = record + label_bytes.size();
    to.labels.push_back(pixels[-1]);
    to.images.insert(to.images.end(), pixels, pixels + kPixels);
  }
}

// Adds the records of several files; the room for all of them is made at once.
void read_files(const std::vector<std::string>& paths, std::span<const LabelByte> label_bytes,
                Dataset& to) {
  std::size_t bytes = 0;
  for (const std::string& path : paths) bytes += file_size_hint(path);
  reserve_images(to, static_cast<std::int64_t>(bytes / kPixels), paths[0]);
  for (const std::string& path : paths) read_records(path, label_bytes, to);
}

// Whatever else is in the folder, but for what comes with the official archives.
Skipped not_read(const std::string& folder, std::vector<std::string> read) {
  for (const char* name :
       {"readme.html", "batches.meta.txt", "coarse_label_names.txt", "fine_label_names.txt"})
    read.emplace_back(name);
  Skipped skipped;
  skip_all_but(folder, read, skipped);
  return skipped;
}

// The lines of a file of class names. Empty lines at the end do not count.
std::vector<std::string> read_names(const std::string& path) {
  std::vector<std::string> names(1);
  for (const std::byte byte : read_file(path)) {
    const char letter = static_cast<char>(byte);
    if (letter == '\n')
      names.emplace_back();
    else if (letter != '\r')
      names.back() += letter;
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  check(!names.empty(), path, ": found no names of classes, expected one a line");
  check(names.size() <= 256, path, ": found ", names.size(),
        " names of classes, expected at most 256");
  for (std::size_t i = 0; i < names.size(); ++i)
    check(!names[i].empty(), path, ": found line ", i + 1, " empty, expected the name of a class");
  return names;
}

std::string batch_name(int number) { return "data_batch_" + std::to_string(number) + ".bin"; }

const std::vector<std::string>& official_names() {
  static const std::vector<std::string> names = {
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return names;
}

}  // namespace

Data cifar10(const std::string& folder) {
  const std::string names_path = join(folder, "batches.meta.txt");
  const auto classes = exists(names_path) ? read_names(names_path) : official_names();
  std::vector<std::string> batches = {join(folder, batch_name(1))}, read = {"test_batch.bin"};
  for (int number = 2; number <= kBatches; ++number) {
    const std::string path = join(folder, batch_name(number));
    if (!exists(path)) continue;
    check(static_cast<int>(batches.size()) == number - 1, folder, ": found ", batch_name(number),
          " but no ", batch_name(number - 1), ", expected no number left out");
    batches.push_back(path);
  }
  for (const std::string& path : batches) read.push_back(last_name(path));
  const LabelByte label = {"label", classes.size()};
  Data data = {.name = classes == official_names() ? "CIFAR-10" : last_name(folder),
               .train = empty_set(classes),
               .test = empty_set(classes)};
  read_files(batches, {&label, 1}, data.train);
  read_files({join(folder, "test_batch.bin")}, {&label, 1}, data.test);
  data.skipped = not_read(folder, read);
  normalise_alike(data);
  return data;
}

Data cifar100(const std::string& folder) {
  const LabelByte labels[] = {{"coarse label", 20}, {"fine label", 100}};
  const std::string names_path = join(folder, "fine_label_names.txt");
  std::vector<std::string> classes;
  if (exists(names_path)) {
    classes = read_names(names_path);
    check(classes.size() == labels[1].classes, names_path, ": found ", classes.size(),
          " names of classes, expected ", labels[1].classes);
  } else {
    for (std::size_t i = 0; i < labels[1].classes; ++i) classes.push_back(std::to_string(i));
  }
  Data data = {.name = "CIFAR-100", .train = empty_set(classes), .test = empty_set(classes)};
  read_files({join(folder, "train.bin")}, labels, data.train);
  read_files({join(folder, "test.bin")}, labels, data.test);
  data.skipped = not_read(folder, {"train.bin", "test.bin"});
  normalise_alike(data);
  return data;
}

void write_cifar10(const std::string& folder, const Data& data) {
  for (const Dataset* set : {&data.train, &data.test}) {
    check_dataset(*set, "write_cifar10");
    check(set->channels == 3 && set->height == kSide && set->width == kSide,
          "write_cifar10: found pictures of ", set->channels, "x", set->height, "x", set->width,
          ", expected 3x32x32");
  }
  const auto& classes = data.train.classes;
  check(classes == data.test.classes,
        "write_cifar10: found other classes in the test set, expected those of the training set");
  check(classes.size() <= 256, "write_cifar10: found ", classes.size(),
        " classes, expected at most 256");
  for (const std::string& name : classes)
    check(!name.empty() && name.find_first_of("\r\n") == std::string::npos,
          "write_cifar10: found the class name '", name, "', expected one line");
  check(data.train.size() >= kBatches, "write_cifar10: found ", data.train.size(),
        " training pictures, expected at least one for each of ", kBatches, " files");

  NewFolder fresh(folder);
  const auto write = [&](const std::string& name, const Dataset& set, std::int64_t begin,
                         std::int64_t end) {
    AtomicFile file(join(fresh.path(), name));
    std::vector<std::uint8_t> bytes;
    for (std::int64_t i = begin; i < end; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(set.labels[i]));
      bytes.insert(bytes.end(), set.picture(i), set.picture(i) + kPixels);
    }
    file.write(bytes.data(), bytes.size());
    file.commit();
  };
  for (int k = 0; k < kBatches; ++k)
    write(batch_name(k + 1), data.train, data.train.size() * k / kBatches,
          data.train.size() * (k + 1) / kBatches);
  write("test_batch.bin", data.test, 0, data.test.size());
  std::string names;
  for (const std::string& name : classes) names += name + "\n";
  write_file(join(fresh.path(), "batches.meta.txt"), names);
  fresh.commit();
}

}  // namespace espalier::datasets
