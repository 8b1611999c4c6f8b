// Origin: what a network was before parts of it left for good, so that a ratio of what is gone
// means the same before and after.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace espalier::layers {

class Model;

struct Origin {
  // A convolution or linear layer as it once was.
  struct Layer {
    std::int64_t units = 0, weights = 0;
    std::int64_t macs = 0;  // multiply-adds for one image
    friend bool operator==(const Layer&, const Layer&) = default;
  };
  // What left with whole layers and is no part of any list of candidates any more.
  struct Left {
    std::int64_t layers = 0, filters = 0, neurons = 0;
    friend bool operator==(const Left&, const Left&) = default;
  };
  std::map<std::string, Layer> layers;  // by dotted name
  Left left;
  friend bool operator==(const Origin&, const Origin&) = default;
};

// The model as it is now.
Origin measure(const Model& model);

}  // namespace espalier::layers
