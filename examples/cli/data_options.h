// The options that say which data a command works on, and in what size.
#pragma once

#include <optional>
#include <string>

#include "core/shape.h"
#include "datasets/datasets.h"

namespace CLI {
class App;  // its library is large, and few files need it
class Option;
}  // namespace CLI

namespace espalier::cli {

struct DataOptions {
  std::string folder;
  std::optional<int> image_size, channels;  // asked for; of class folders only
  std::int64_t max_image_pixels = datasets::kMostPixels;
};

// --max-image-pixels, of every command that reads images.
void add_max_image_pixels(CLI::App& command, std::int64_t& to);
void check_max_image_pixels(std::int64_t pixels);
// --data, which is returned, and --max-image-pixels.
CLI::Option* add_data_options(
    CLI::App& command, DataOptions& to,
    const std::string& text = "Folder with CIFAR, MNIST or class folders of images");
// --image-size and --channels, of commands that make a network for the data.
void add_size_options(CLI::App& command, DataOptions& to);

// What a network takes: [C, H, W] or flat; of rank 0 where there is no network.
struct InputImages {
  Shape shape = {};
  bool fixed = true;  // else it is only the usual size, which options may change
};

// How class folders are read: as asked for, or where there is a network already, as it takes them.
// A UsageError where both are there and differ.
datasets::FolderOptions folder_options(const DataOptions& options, const InputImages& input);
// A UsageError where the data has not what was asked for, as only class folders can.
void check_as_asked(const DataOptions& options, const datasets::Data& data);

}  // namespace espalier::cli
