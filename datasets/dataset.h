// Dataset: labelled pictures in memory, as bytes, and the statistics that networks normalise by.
// Each kind of files has a function that reads it; open() finds out which kind a folder holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/skipped.h"

namespace espalier::datasets {

// Per channel, of bytes / 255: the input of a network is (byte / 255 - mean) / std.
struct Normalisation {
  std::vector<float> mean, std;
};

struct Dataset {
  int channels = 0, height = 0, width = 0;
  std::vector<std::uint8_t> images;  // [N][C][H][W]
  std::vector<std::int32_t> labels;  // in [0, classes)
  std::vector<std::string> classes;  // their names
  // Of the pictures that a network is trained on; empty: that of these pictures.
  Normalisation normalisation = {};

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t picture_size() const { return std::int64_t{channels} * height * width; }
  const std::uint8_t* picture(std::int64_t index) const {
    return images.data() + index * picture_size();
  }
};

// What is trained on, and what is only tested on. Both have the same picture size and classes.
struct Data {
  std::string name;  // "CIFAR-10"
  Dataset train, test;
  Skipped skipped = {};  // files in its folder that were not read; skipped_text() says why
};

// Makes room for so many more images of the data set's size. An Error that begins with `who` where
// there is no memory for them.
void reserve_images(Dataset& data, std::int64_t count, const std::string& who);

// Exact, in integers. A channel without any contrast gets std 1.
Normalisation normalisation(const Dataset& data);

// From here on test pictures are normalised as the training pictures are.
void normalise_alike(Data& data);

// An Error that begins with `who` unless there are pictures, as many bytes as these have pixels,
// and a class for every label.
void check_dataset(const Dataset& data, const std::string& who);

}  // namespace espalier::datasets
