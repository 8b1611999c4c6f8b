// MNIST: the idx files of handwritten digits (LeCun et al., 1998), and of the sets made after them.
#pragma once

#include <string>

#include "datasets/codec.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

constexpr std::uint64_t kMostImages = 8;

// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
// t10k-labels-idx1-ubyte, each plain or packed (.gz), also with '.' in place of the last '-' but
// one (train-images.idx3-ubyte). One channel; the classes are "0" to "9". An Error where a file
// announces larger images, or more bytes than kMostImages of these have.
Data mnist(const std::string& folder, std::int64_t max_pixels = kMostPixels);

// Whether one of these files is there.
bool has_mnist_files(const std::string& folder);

}  // namespace espalier::datasets
