// Elementwise arithmetic for residual sums and for writing one's own loss. Two operands broadcast
// as in NumPy. Operands in lanes of the same shape are added and subtracted where they lie, and
// images multiplied by a factor for each channel, [N, C, 1, 1]; anything else is brought to
// row-major order first, on the tape.
#pragma once

#include "core/tensor.h"

namespace espalier {

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor scale(const Tensor& x, float factor);  // x * factor
Tensor shift(const Tensor& x, float term);    // x + term
Tensor pow(const Tensor& x, float exponent);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor abs(const Tensor& x);  // its gradient at 0 is 0
Tensor tanh(const Tensor& x);
Tensor clamp(const Tensor& x, float low, float high);  // gradient 1 inside, bounds included

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator*(const Tensor& x, float factor) { return scale(x, factor); }
inline Tensor operator*(float factor, const Tensor& x) { return scale(x, factor); }
inline Tensor operator/(const Tensor& x, float divisor) { return scale(x, 1 / divisor); }
inline Tensor operator+(const Tensor& x, float term) { return shift(x, term); }
inline Tensor operator+(float term, const Tensor& x) { return shift(x, term); }
inline Tensor operator-(const Tensor& x, float term) { return shift(x, -term); }
inline Tensor operator-(float term, const Tensor& x) { return shift(scale(x, -1), term); }
inline Tensor operator-(const Tensor& x) { return scale(x, -1); }

}  // namespace espalier
