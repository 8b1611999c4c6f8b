// Data options: sizes that are asked for, and those that a network asks for.
#include "examples/cli/data_options.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "examples/cli/console.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

// What a network takes as images [C, H, W]. Where its inputs are flat, the only square images with
// 1 or 3 channels that have as many values.
Shape images_of(const Shape& input) {
  if (input.rank() != 1) return input.rank() == 3 ? input : Shape();
  for (const std::int64_t channels : {1, 3}) {
    const std::int64_t side =
        std::llround(std::sqrt(input.numel() / static_cast<double>(channels)));
    if (channels * side * side == input.numel()) return {channels, side, side};
  }
  return {};
}

std::string sides(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + (height == width ? "" : "x" + std::to_string(width));
}

// Of what was asked for, the first that is not so.
void check_asked(const DataOptions& o, std::int64_t channels, std::int64_t height,
                 std::int64_t width, const std::string& why) {
  const int size = o.image_size.value_or(0), wanted = o.channels.value_or(0);
  check_option(size == 0 || (size == height && size == width), "--image-size", size,
               sides(height, width) + why);
  check_option(wanted == 0 || wanted == channels, "--channels", wanted,
               std::to_string(channels) + why);
}

}  // namespace

void add_max_image_pixels(CLI::App& command, std::int64_t& to) {
  command.add_option("--max-image-pixels", to,
                     "Refuse images that have more pixels in their files");
}

void check_max_image_pixels(std::int64_t pixels) {
  check_option(pixels >= 1 && pixels <= datasets::kMostMaxPixels, "--max-image-pixels", pixels,
               "1 to " + std::to_string(datasets::kMostMaxPixels));
}

CLI::Option* add_data_options(CLI::App& command, DataOptions& to, const std::string& text) {
  CLI::Option* data = command.add_option("--data", to.folder, text)->type_name(kFolder);
  add_max_image_pixels(command, to.max_image_pixels);
  return data;
}

void add_size_options(CLI::App& command, DataOptions& to) {
  command.add_option("--image-size", to.image_size, "Side that images of class folders get")
      ->default_str("32");
  command.add_option("--channels", to.channels, "Theirs: 3, or 1 for grey")
      ->check(one_of({"1", "3"}))
      ->default_str("3");
}

datasets::FolderOptions folder_options(const DataOptions& o, const InputImages& input) {
  constexpr int kMost = datasets::kMostFolderSide;
  check_max_image_pixels(o.max_image_pixels);
  datasets::FolderOptions options;
  options.max_pixels = o.max_image_pixels;
  const Shape images = images_of(input.shape);
  if (images.rank() == 3 && input.fixed)
    check_asked(o, images[0], images[1], images[2], " as the network takes them");
  const bool possible = images.rank() == 3 && (images[0] == 1 || images[0] == 3) &&
                        images[1] <= kMost &&
                        images[2] <= kMost;  // else the data does not fit, whatever its size
  if (possible) {
    options.channels = static_cast<int>(images[0]);
    options.height = static_cast<int>(images[1]);
    options.width = static_cast<int>(images[2]);
  }
  if (o.image_size) {
    check_option(*o.image_size >= 1 && *o.image_size <= kMost, "--image-size", *o.image_size,
                 "1 to " + std::to_string(kMost));
    options.height = options.width = *o.image_size;
  }
  options.channels = o.channels.value_or(options.channels);
  return options;
}

void check_as_asked(const DataOptions& o, const datasets::Data& data) {
  check_asked(o, data.train.channels, data.train.height, data.train.width,
              " as the images of " + data.name +
                  " have it: only those of class folders are resized and converted");
}

}  // namespace espalier::cli
