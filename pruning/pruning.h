// The folder pruning in one include.
#pragma once

#include "pruning/candidates.h"
#include "pruning/criterion.h"
#include "pruning/depth.h"
#include "pruning/dynamic.h"
#include "pruning/evidence.h"
#include "pruning/groups.h"
#include "pruning/leaving.h"
#include "pruning/proximal.h"
#include "pruning/pruner.h"
#include "pruning/rewind.h"
#include "pruning/schedule.h"
#include "pruning/select.h"
#include "pruning/sensitivity.h"
#include "pruning/shrink.h"
#include "pruning/statistics.h"
