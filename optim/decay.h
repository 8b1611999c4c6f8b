// Decay: how a value that averages over steps moves on, decay * old + added.
#pragma once

namespace espalier::optim {

// A factor near 1 is held as what it lacks: rounded to a float, 0.999 and the 0.001 of what is new
// would add up to 1.000000013, and steps that bring the same value again and again would come to
// 1.000013 times that value. Nor is this old + 0.001 * (fresh - old), which loses a fresh value
// that is far smaller than the old one where the decay is near 0.
class Decay {
 public:
  explicit Decay(double factor)
      : whole_(factor < 0.5 ? 0.0f : 1.0f), rest_(static_cast<float>(factor - double{whole_})) {}
  float operator()(float old, float added) const { return whole_ * old + (rest_ * old + added); }

 private:
  float whole_, rest_;
};

}  // namespace espalier::optim
