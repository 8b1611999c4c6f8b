// Folder: pictures of one's own, a folder for each class, whose name is the class's.
#pragma once

#include <string>

#include "datasets/codec.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

struct FolderOptions {
  int height = 32, width = 32;  // images are cut to this shape and resized, see read_picture()
  int channels = 3;             // or 1: luminance
  std::int64_t max_pixels = kMostPixels;  // of one image as it is in its file
};

constexpr int kMostFolderSide = 4096;

// Reads FOLDER/train/CLASS and FOLDER/test/CLASS (or FOLDER/val/CLASS), or where these are not
// there, FOLDER/CLASS, of whose images, sorted by name, every fifth is tested on. Images in folders
// within a class belong to the class. Only files that are named as images are read; the others are
// counted in Data::skipped. An Error for a class without images, for less than two classes, and for
// a file that is named as an image and is none.
Data image_folder(const std::string& folder, const FolderOptions& options = {});

// Whether image_folder() would find an image, or one of a kind that is read with another package.
bool has_class_folders(const std::string& folder);

}  // namespace espalier::datasets
