// The folder datasets in one include.
#pragma once

#include "datasets/augment.h"
#include "datasets/cifar.h"
#include "datasets/dataset.h"
#include "datasets/fingerprint.h"
#include "datasets/folder.h"
#include "datasets/input_info.h"
#include "datasets/loader.h"
#include "datasets/mnist.h"
#include "datasets/open.h"
#include "datasets/picture.h"
#include "datasets/shapes.h"
#include "datasets/split.h"
