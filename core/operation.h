// Operations: the one list of everything that can stand on the tape. The tests walk this list and
// fail for an operation whose gradient nobody checked.
#pragma once

namespace espalier {

enum class Op {
  // networks
  Conv2d,
  SparseConv2d,
  Linear,
  SparseLinear,
  MaxPool2d,
  AvgPool2d,
  GlobalAvgPool,
  BatchNorm,
  Relu,
  Relu6,
  LeakyRelu,
  Silu,
  Gelu,
  Dropout,
  Flatten,
  Concat,
  CrossEntropy,
  // elementwise, with broadcasting where there are two operands
  Add,
  Sub,
  Mul,
  Div,
  Scale,
  Shift,
  Pow,
  Exp,
  Log,
  Sqrt,
  Abs,
  Sigmoid,
  Tanh,
  Clamp,
  // reductions and shapes
  Sum,
  Mean,
  Max,
  LogSoftmax,
  MatMul,
  Transpose,
  Reshape,
  // from one layout in memory to another
  Relayout,
  Count,
};

const char* name(Op op);

}  // namespace espalier
