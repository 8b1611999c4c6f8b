// What the tests of model files and of the topology share.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"
#include "layers/layers.h"

namespace espalier::testing {

using namespace layers;

inline Model everything(std::uint64_t seed = 2) {  // each kind of layer once
  Sequential shortcut;
  shortcut.add(Conv2d(4, 6, {.kernel = 1, .stride = 2, .bias = false})).add(BatchNorm(6));
  Sequential main{{"conv1", Conv2d(4, 6, {.stride = 2, .padding = 1})}, {"gelu", GELU()}};
  Sequential net{{"conv1", Conv2d(3, 4, {.kernel = 5, .padding = 2})},
                 {"bn1", BatchNorm(4, {.eps = 1e-3f, .momentum = 0.3f})},
                 {"relu", ReLU()},
                 {"pool", MaxPool2d()},
                 {"block", Residual(std::move(main), std::move(shortcut))},
                 {"open", Residual({{"act", LeakyReLU(0.3f)}}, {}, {.relu = false})},
                 {"average", AvgPool2d({.kernel = 3, .stride = 1, .padding = 1})},
                 {"all", GlobalAvgPool()},
                 {"flatten", Flatten()},
                 {"drop", Dropout(0.25f)},
                 {"id", Identity()},
                 {"fc", Linear(6, 3, {.bias = false})}};
  return Model(std::move(net), {3, 12, 12}, seed, "everything");
}

inline std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool begins(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}
inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace espalier::testing
