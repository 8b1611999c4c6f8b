// A network and a layer of one's own: how little it takes, and that a file with it loads again.
#include <espalier.h>

#include <cstdio>

using namespace espalier;
using namespace espalier::layers;

// y = factor * x, with one trained factor for all.
class Scale : public Module {
 public:
  std::string type() const override { return "Scale"; }
  Tensor forward(const Tensor& x) override { return x * factor; }
  Shape output_shape(const Shape& input) const override { return input; }
  void state(StateVisitor& visitor) override { visitor.parameter("factor", factor, {1}); }
  void initialize(const Rng&) override { factor.copy_from(Tensor::full({1}, 1)); }
  std::shared_ptr<Module> copy() const override { return std::make_shared<Scale>(*this); }

  Parameter factor;
};

int main() {
  Sequential net{
      {"conv1", Conv2d(3, 16, {.kernel = 3, .padding = 1})},
      {"bn1", BatchNorm(16)},
      {"relu1", ReLU()},
      {"pool1", MaxPool2d()},
      {"scale", Scale()},
      {"global", GlobalAvgPool()},
      {"flatten", Flatten()},
      {"fc", Linear(16, 10)},
  };
  Model model(std::move(net), {3, 32, 32}, /*seed=*/0, "mine");

  register_layer("Scale", [](const Config&) { return std::make_shared<Scale>(); });
  save(model, "mine.safetensors");
  Model again = load("mine.safetensors");

  Rng rng(1);
  const Tensor x = Tensor::randn({2, 3, 32, 32}, rng);
  model.eval();
  again.eval();
  const bool equal = model(x).to_vector() == again(x).to_vector();
  std::printf("%s", summary(again).table().c_str());
  std::printf("the same outputs: %s\n", equal ? "yes" : "no");
  return equal ? 0 : 1;
}
