// Models: the built-in networks. Each is a function that takes the number of classes, the seed of
// its first values, and the shape of its input images [C, H, W].
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace espalier::layers {

// Two 3x3 convolutions with pooling and two linear layers: 2.1 million parameters at 32x32.
Model ConvNet(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// 784-300-100-10, all linear (LeCun et al., 1998): 266,610 parameters.
Model LeNet300(int classes = 10, std::uint64_t seed = 0, const Shape& input = {1, 28, 28});
// 20-50-500-10 with 5x5 convolutions, as Caffe has it and the pruning literature takes it: no
// activation after the convolutions, one ReLU after fc1. 431,080 parameters.
Model LeNet5(int classes = 10, std::uint64_t seed = 0, const Shape& input = {1, 28, 28});

// 13 3x3 convolutions with batch norm, then one linear layer (Simonyan and Zisserman, 2015; the
// form that Li et al., 2017, prune on CIFAR). Numbered as torchvision's vgg16_bn.
Model Vgg16(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// Three stages of 16, 32 and 64 channels with n blocks each, 6 n + 2 layers (He et al., 2016), and
// 1x1 convolutions as shortcuts where the shape changes.
Model ResNet20(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});
Model ResNet56(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// Four stages of 64 to 512 channels with two blocks each (He et al., 2016), as torchvision's.
// Images of 64 pixels a side or more go through a 7x7 convolution and pooling first, smaller ones
// through a 3x3 convolution.
Model ResNet18(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// Inverted residuals with depthwise convolutions (Sandler et al., 2018): 2.3 million parameters.
Model MobileNetV2(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// Every layer of a block takes what all before it gave (Huang et al., 2017): 40 layers, 176,122
// parameters.
Model DenseNet(int classes = 10, std::uint64_t seed = 0, const Shape& input = {3, 32, 32});

// By name, for the command line: "convnet", "lenet300", "lenet5", "vgg16", "resnet20", "resnet56",
// "resnet18", "mobilenetv2", "densenet".
struct ModelChoice {
  const char* name;
  Model (*make)(int classes, std::uint64_t seed, const Shape& input);
  Shape input;  // that the model was made for
};
const std::vector<ModelChoice>& model_choices();
const ModelChoice& model_choice(const std::string& name);  // unknown: an error with the names
Model make_model(const std::string& name, int classes = 10, std::uint64_t seed = 0);
Model make_model(const std::string& name, int classes, std::uint64_t seed, const Shape& input);

}  // namespace espalier::layers
