// Folder: pictures of one's own, a folder for each class, whose name is the class's.
#pragma once

#include <string>

#include "datasets/dataset.h"

namespace espalier::datasets {

struct FolderOptions {
  int side = 32;     // pictures are cut to a square and resized to side x side, see read_picture()
  int channels = 3;  // or 1: luminance
};

// Reads FOLDER/train/CLASS and FOLDER/test/CLASS (or FOLDER/val/CLASS), or where these are not
// there, FOLDER/CLASS, of whose pictures, sorted by name, every fifth is tested on. Only files that
// are named as pictures count. An Error for a class without pictures, for less than two classes,
// and for a file that is named as a picture and is none.
Data image_folder(const std::string& folder, const FolderOptions& options = {});

// Whether image_folder() would find a picture.
bool has_class_folders(const std::string& folder);

}  // namespace espalier::datasets
