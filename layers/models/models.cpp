// Models: the list of them by name.
#include "layers/models/models.h"

#include "core/error.h"

namespace espalier::layers {

const std::vector<ModelChoice>& model_choices() {
  static const std::vector<ModelChoice> choices = {
      {"convnet", ConvNet, {3, 32, 32}},   {"lenet300", LeNet300, {1, 28, 28}},
      {"lenet5", LeNet5, {1, 28, 28}},     {"vgg16", Vgg16, {3, 32, 32}},
      {"resnet20", ResNet20, {3, 32, 32}}, {"resnet56", ResNet56, {3, 32, 32}},
      {"resnet18", ResNet18, {3, 32, 32}}, {"mobilenetv2", MobileNetV2, {3, 32, 32}},
      {"densenet", DenseNet, {3, 32, 32}},
  };
  return choices;
}

const ModelChoice& model_choice(const std::string& name) {
  std::string known;
  for (const ModelChoice& choice : model_choices()) {
    if (name == choice.name) return choice;
    known += (known.empty() ? "" : ", ") + std::string(choice.name);
  }
  fail("model: found '", name, "', expected one of ", known);
}

Model make_model(const std::string& name, int classes, std::uint64_t seed) {
  const ModelChoice& choice = model_choice(name);
  return choice.make(classes, seed, choice.input);
}

Model make_model(const std::string& name, int classes, std::uint64_t seed, const Shape& input) {
  return model_choice(name).make(classes, seed, input);
}

}  // namespace espalier::layers
