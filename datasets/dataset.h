// Dataset: labelled pictures in memory, as bytes, and the statistics that networks normalise by.
// Each kind of files has a function that reads it; open() finds out which kind a folder holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace espalier::datasets {

// Per channel, of bytes / 255: the input of a network is (byte / 255 - mean) / std.
struct Normalisation {
  std::vector<float> mean, std;
};

struct Dataset {
  int channels = 0, height = 0, width = 0;
  std::vector<std::uint8_t> images = {};  // [N][C][H][W]
  std::vector<std::int32_t> labels = {};  // in [0, classes)
  std::vector<std::string> classes = {};  // their names
  // Of the pictures that a network is trained on; empty: that of these pictures.
  Normalisation normalisation = {};

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t picture_size() const { return std::int64_t{channels} * height * width; }
  const std::uint8_t* picture(std::int64_t index) const {
    return images.data() + index * picture_size();
  }
};

// How many files of a data set's folder are not read, so that nothing is left out unsaid, by why:
// their ending ".txt", "hidden", "in FOLDER/".
using Skipped = std::map<std::string, std::int64_t>;
// "12 files skipped: 10 .txt, 2 .heic"; "" where there are none.
std::string skipped_text(const Skipped& skipped);

// What is trained on, and what is only tested on. Both have the same picture size and classes.
struct Data {
  std::string name;  // "CIFAR-10"
  Dataset train = {}, test = {};
  Skipped skipped = {};
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

// Takes a share in (0, 1) of the pictures out of `train` and returns them, for every choice that
// the test pictures must not be asked for: the same share of every class as nearly as whole
// pictures allow. Which ones follows from the seed alone; both parts keep the order. An Error when
// either part would be empty.
Dataset split_validation(Dataset& train, double share = 0.1, std::uint64_t seed = 0);

}  // namespace espalier::datasets
