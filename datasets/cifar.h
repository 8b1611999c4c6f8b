// CIFAR: the binary files of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009). A record is the label, one
// byte (CIFAR-100: coarse, then fine), and 3 x 32 x 32 bytes: red, green and blue plane.
// Other sets of 32x32 pictures can use the CIFAR-10 format too: a file may hold any number of
// records, and batches.meta.txt names the classes.
#pragma once

#include <string>

#include "datasets/dataset.h"

namespace espalier::datasets {

// data_batch_1.bin to at most data_batch_5.bin, with no number left out, are trained on;
// test_batch.bin. Without batches.meta.txt the classes are the official ten.
Data cifar10(const std::string& folder);

// train.bin and test.bin, with the hundred fine labels as classes, named by fine_label_names.txt;
// without that file "0" to "99".
Data cifar100(const std::string& folder);

// Writes 3x32x32 pictures as a folder that cifar10() reads, with the training set in five files.
// The folder must not exist or be empty; it appears whole or not at all.
void write_cifar10(const std::string& folder, const Data& data);

}  // namespace espalier::datasets
