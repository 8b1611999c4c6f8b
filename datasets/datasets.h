// The folder datasets in one include.
#pragma once

#include "datasets/dataset.h"
#include "datasets/input_info.h"
#include "datasets/loader.h"
#include "datasets/open.h"
#include "datasets/picture.h"
#include "datasets/shapes.h"
