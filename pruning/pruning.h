// The folder pruning in one include.
#pragma once

#include "pruning/candidates.h"
#include "pruning/compaction/channel_removal.h"
#include "pruning/compaction/compact.h"
#include "pruning/compaction/sparse_format.h"
#include "pruning/criteria/criterion.h"
#include "pruning/criteria/evidence.h"
#include "pruning/dynamic.h"
#include "pruning/proximal.h"
#include "pruning/pruner.h"
#include "pruning/rewind.h"
#include "pruning/schedule.h"
#include "pruning/select.h"
#include "pruning/sensitivity.h"
