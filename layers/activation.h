// Activation layers: elementwise, without parameters, any shape. Identity is what stands where a
// layer was taken out.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

class Activation : public Module {
 public:
  Shape output_shape(const Shape& input) const override { return input; }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
};

class ReLU : public Activation {
 public:
  ReLU() = default;
  explicit ReLU(const Config&) {}
  std::string type() const override { return "ReLU"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<ReLU>(*this); }
};

class ReLU6 : public Activation {
 public:
  ReLU6() = default;
  explicit ReLU6(const Config&) {}
  std::string type() const override { return "ReLU6"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<ReLU6>(*this); }
};

class Sigmoid : public Activation {
 public:
  Sigmoid() = default;
  explicit Sigmoid(const Config&) {}
  std::string type() const override { return "Sigmoid"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Sigmoid>(*this); }
};

class SiLU : public Activation {
 public:
  SiLU() = default;
  explicit SiLU(const Config&) {}
  std::string type() const override { return "SiLU"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<SiLU>(*this); }
};

class LeakyReLU : public Activation {
 public:
  explicit LeakyReLU(float slope = 0.01f) : slope(slope) {}
  explicit LeakyReLU(const Config& config);
  std::string type() const override { return "LeakyReLU"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<LeakyReLU>(*this); }

  float slope;  // for x < 0
};

class GELU : public Activation {
 public:
  GELU() = default;
  explicit GELU(const Config&) {}
  std::string type() const override { return "GELU"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<GELU>(*this); }
};

class Identity : public Activation {
 public:
  Identity() = default;
  explicit Identity(const Config&) {}
  std::string type() const override { return "Identity"; }
  Tensor forward(const Tensor& x) override { return x; }
  std::shared_ptr<Module> copy() const override { return std::make_shared<Identity>(*this); }
};

}  // namespace espalier::layers
