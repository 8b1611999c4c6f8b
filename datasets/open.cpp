// Open: one file of a kind is enough to call its reader, which then says what is missing.
#include "datasets/open.h"

#include "core/error.h"
#include "core/file_kind.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

bool holds(const std::string& folder, const char* one, const char* other) {
  return exists(join(folder, one)) || exists(join(folder, other));
}
bool holds_cifar10(const std::string& folder) {
  return holds(folder, "data_batch_1.bin", "test_batch.bin");
}
bool holds_cifar100(const std::string& folder) { return holds(folder, "train.bin", "test.bin"); }

// The data of a folder within the one that was named.
Data within(const std::string& folder, Data data, const std::string& of) {
  skip_all_but(folder, {last_name(of)}, data.skipped);
  return data;
}

}  // namespace

Data open(const std::string& folder, const FolderOptions& options) {
  check(exists(folder), folder, ": found nothing of that name, expected a folder with data");
  check(is_folder(folder), folder, ": found ", kind_of_file(folder).or_else("a file"),
        ", expected a folder with data");
  if (holds_cifar10(folder)) return cifar10(folder);
  if (holds_cifar100(folder)) return cifar100(folder);
  if (has_mnist_files(folder)) return mnist(folder, options.max_pixels);

  const std::string ten = join(folder, "cifar-10-batches-bin");
  const std::string hundred = join(folder, "cifar-100-binary");
  check(!holds_cifar10(ten) || !holds_cifar100(hundred), folder,
        ": found both cifar-10-batches-bin and cifar-100-binary, expected the name of one of them");
  if (holds_cifar10(ten)) return within(folder, cifar10(ten), ten);
  if (holds_cifar100(hundred)) return within(folder, cifar100(hundred), hundred);
  if (has_class_folders(folder)) return image_folder(folder, options);
  fail(folder,
       ": found no data, expected CIFAR-10's binary files (data_batch_1.bin, test_batch.bin), "
       "CIFAR-100's (train.bin, test.bin), MNIST's (train-images-idx3-ubyte, plain or .gz) or "
       "folders of images named after their classes");
}

}  // namespace espalier::datasets
