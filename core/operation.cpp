// Operations: their names in messages.
#include "core/operation.h"

namespace espalier {

const char* name(Op op) {
  static constexpr const char* names[] = {"conv2d",
                                          "sparse_conv2d",
                                          "linear",
                                          "sparse_linear",
                                          "max_pool2d",
                                          "avg_pool2d",
                                          "global_avg_pool",
                                          "batch_norm",
                                          "relu",
                                          "relu6",
                                          "leaky_relu",
                                          "silu",
                                          "gelu",
                                          "dropout",
                                          "flatten",
                                          "concat",
                                          "cross_entropy",
                                          "add",
                                          "sub",
                                          "mul",
                                          "div",
                                          "scale",
                                          "shift",
                                          "pow",
                                          "exp",
                                          "log",
                                          "sqrt",
                                          "abs",
                                          "sigmoid",
                                          "tanh",
                                          "clamp",
                                          "sum",
                                          "mean",
                                          "max",
                                          "log_softmax",
                                          "matmul",
                                          "transpose",
                                          "reshape",
                                          "relayout"};
  static_assert(sizeof names / sizeof *names == static_cast<int>(Op::Count));
  return names[static_cast<int>(op)];
}

}  // namespace espalier
