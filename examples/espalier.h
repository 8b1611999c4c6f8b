// Espalier in one include.
//
//   #include <espalier.h>
//   using namespace espalier;
#pragma once

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/loss.h"
#include "core/ops/norm.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "core/parameter.h"
#include "core/rng.h"
#include "core/system.h"
#include "core/tensor.h"
#include "datasets/datasets.h"
#include "layers/layers.h"
#include "optim/optim.h"
#include "pruning/pruning.h"
