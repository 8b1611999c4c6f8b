// Fingerprint: what a training that is resumed needs to find unchanged in its data, small enough to
// be stored beside the network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace espalier::datasets {

struct Fingerprint {
  std::int64_t train_images = 0, test_images = 0;
  std::vector<std::int64_t> shape = {};  // of an image, [C, H, W]
  std::int64_t classes = 0;
  // A hash of all labels and of up to 256 images of each set, spread evenly over it: milliseconds
  // for any data set. An exchange of data or of its order is noticed, a change to one image of many
  // need not be.
  std::string hash;
};
Fingerprint fingerprint(const Data& data);

// The first difference as "found 400 images to train on, expected 500"; empty where there is none.
std::string difference(const Fingerprint& found, const Fingerprint& expected);

}  // namespace espalier::datasets
