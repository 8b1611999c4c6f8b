// Open: data of whichever kind a folder holds.
#pragma once

#include <string>

#include "datasets/folder.h"

namespace espalier::datasets {

// Finds out by the files' names: CIFAR-10's or CIFAR-100's binary files, in the folder itself or in
// its cifar-10-batches-bin or cifar-100-binary; MNIST's idx files; class folders of images, the
// only ones that get the size and channels asked for. An Error that lists these where it is none of
// them.
Data open(const std::string& folder, const FolderOptions& options = {});

}  // namespace espalier::datasets
