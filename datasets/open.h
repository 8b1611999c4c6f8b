// Open: what reads the data of a folder, for each kind of files and for whichever kind it holds.
#pragma once

#include <string>

#include "datasets/codec.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

// CIFAR-10 (Krizhevsky, 2009). A record is the label, one byte, and 3 x 32 x 32 bytes: red, green
// and blue plane. data_batch_1.bin to at most data_batch_5.bin, with no number left out, are
// trained on; test_batch.bin. Other sets of 32x32 pictures can use the format too: a file may hold
// any number of records, and batches.meta.txt names the classes; without it they are the official
// ten.
Data cifar10(const std::string& folder);

// CIFAR-100: records with two labels, coarse, then fine. train.bin and test.bin, with the hundred
// fine labels as classes, named by fine_label_names.txt; without that file "0" to "99".
Data cifar100(const std::string& folder);

// Writes 3x32x32 pictures as a folder that cifar10() reads, with the training set in five files.
// The folder must not exist or be empty; it appears whole or not at all.
void write_cifar10(const std::string& folder, const Data& data);

// MNIST (LeCun et al., 1998), and the sets made after it. Reads train-images-idx3-ubyte,
// train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or packed
// (.gz), also with '.' in place of the last '-' but one (train-images.idx3-ubyte). One channel; the
// classes are "0" to "9". An Error where a file announces larger images, or more bytes than eight
// of these have.
Data mnist(const std::string& folder, std::int64_t max_pixels = kMostPixels);
// Whether one of these files is there.
bool has_mnist_files(const std::string& folder);

struct FolderOptions {
  int height = 32, width = 32;  // images are cut to this shape and resized, see read_picture()
  int channels = 3;             // or 1: luminance
  std::int64_t max_pixels = kMostPixels;  // of one image as it is in its file
};

constexpr int kMostFolderSide = 4096;

// Pictures of one's own, a folder for each class, whose name is the class's. Reads
// FOLDER/train/CLASS and FOLDER/test/CLASS (or FOLDER/val/CLASS), or where these are not there,
// FOLDER/CLASS, of whose images, sorted by name, every fifth is tested on. Images in folders within
// a class belong to the class. Only files that are named as images are read; the others are counted
// in Data::skipped. An Error for a class without images, for less than two classes, and for a file
// that is named as an image and is none.
Data image_folder(const std::string& folder, const FolderOptions& options = {});

// Whether image_folder() would find an image, or one of a kind that is read with another package.
bool has_class_folders(const std::string& folder);

// Finds out by the files' names: CIFAR-10's or CIFAR-100's binary files, in the folder itself or in
// its cifar-10-batches-bin or cifar-100-binary; MNIST's idx files; class folders of images, the
// only ones that get the size and channels asked for. An Error that lists these where it is none of
// them.
Data open(const std::string& folder, const FolderOptions& options = {});

}  // namespace espalier::datasets
