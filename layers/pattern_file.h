// Sparse patterns in model files: for the values "conv1.weight" [nonzero] two lists beside them,
//   "conv1.weight.columns"     [nonzero], of the smallest of U8, U16 and U32 that holds any column;
//   "conv1.weight.row_starts"  [rows + 1], of the smallest that holds the number of values.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "core/sparse_pattern.h"

namespace espalier::layers {

inline const std::string kColumns = ".columns";
inline const std::string kRowStarts = ".row_starts";

// Adds the lists; their bytes have to stay in `kept` until the file is written.
void add_pattern(SafeTensorsWriter& file, const std::string& name, const SparsePattern& pattern,
                 std::list<std::vector<std::byte>>& kept);

// The pattern of a weight of this dense shape, for as many values as the file has; null where the
// file has neither list. Whatever the file holds, the outcome is a pattern in order or an Error
// that names file and tensor.
Pattern read_pattern(const SafeTensors& file, const std::string& name, const Shape& dense);

}  // namespace espalier::layers
