// CIFAR: records of labels and planes, checked one by one.
#include "datasets/open.h"

#include <span>
#include <sstream>

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

// The lines of a file of class names. Empty lines at the end do not count.
std::vector<std::string> read_names(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  std::istringstream text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    std::erase(line, '\r');
    names.push_back(line);
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

const std::vector<std::string> kOfficialNames = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

// The files of these names in a folder, and what else is there but for what comes with the official
// archives.
Data read(const std::string& folder, const std::string& name,
          const std::vector<std::string>& classes, std::span<const LabelByte> label_bytes,
          const std::vector<std::string>& train, const std::string& test) {
  const Dataset empty = {.channels = 3, .height = kSide, .width = kSide, .classes = classes};
  Data data = {.name = name, .train = empty, .test = empty};
  std::size_t bytes = 0;
  for (const std::string& file : train) bytes += file_size_hint(join(folder, file));
  reserve_images(data.train, static_cast<std::int64_t>(bytes / kPixels), join(folder, train[0]));
  for (const std::string& file : train) read_records(join(folder, file), label_bytes, data.train);
  read_records(join(folder, test), label_bytes, data.test);
  std::vector<std::string> known = train;
  known.insert(known.end(), {test, "readme.html", "batches.meta.txt", "coarse_label_names.txt",
                             "fine_label_names.txt"});
  skip_all_but(folder, known, data.skipped);
  normalise_alike(data);
  return data;
}

}  // namespace

Data cifar10(const std::string& folder) {
  const std::string names_path = join(folder, "batches.meta.txt");
  const auto classes = exists(names_path) ? read_names(names_path) : kOfficialNames;
  std::vector<std::string> batches = {batch_name(1)};
  for (int number = 2; number <= kBatches; ++number) {
    if (!exists(join(folder, batch_name(number)))) continue;
    check(static_cast<int>(batches.size()) == number - 1, folder, ": found ", batch_name(number),
          " but no ", batch_name(number - 1), ", expected no number left out");
    batches.push_back(batch_name(number));
  }
  const LabelByte label = {"label", classes.size()};
  return read(folder, classes == kOfficialNames ? "CIFAR-10" : last_name(folder), classes,
              {&label, 1}, batches, "test_batch.bin");
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
  return read(folder, "CIFAR-100", classes, labels, {"train.bin"}, "test.bin");
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
    std::string records;
    for (std::int64_t i = begin; i < end; ++i) {
      records += static_cast<char>(set.labels[i]);
      records.append(reinterpret_cast<const char*>(set.picture(i)), kPixels);
    }
    write_file(join(fresh.path(), name), records);
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
