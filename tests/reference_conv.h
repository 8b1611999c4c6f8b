// The plain reference of the convolution kernels: seven loops in double precision.
#pragma once

#include <vector>

#include "core/ops/conv.h"

namespace espalier::testing {

struct ConvShape {
  int n, c, h, w, o, kh, kw, stride, padding;
  int rows() const { return (h + 2 * padding - kh) / stride + 1; }
  int columns() const { return (w + 2 * padding - kw) / stride + 1; }
};

// Calls body(output index, input index, weight index, output channel) for every product.
template <class Body>
void for_products(const ConvShape& s, const Body& body) {
  const int rows = s.rows(), columns = s.columns();
  for (int n = 0; n < s.n; ++n)
    for (int o = 0; o < s.o; ++o)
      for (int y = 0; y < rows; ++y)
        for (int x = 0; x < columns; ++x)
          for (int c = 0; c < s.c; ++c)
            for (int ky = 0; ky < s.kh; ++ky)
              for (int kx = 0; kx < s.kw; ++kx) {
                const int iy = y * s.stride + ky - s.padding, ix = x * s.stride + kx - s.padding;
                if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
                body(((n * s.o + o) * rows + y) * columns + x,
                     ((n * s.c + c) * s.h + iy) * s.w + ix, ((o * s.c + c) * s.kh + ky) * s.kw + kx,
                     o);
              }
}

inline std::vector<double> reference_conv(const ConvShape& s, const std::vector<double>& x,
                                          const std::vector<double>& w,
                                          const std::vector<double>& bias) {
  const int area = s.rows() * s.columns();
  std::vector<double> y(static_cast<std::size_t>(s.n) * s.o * area);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias.empty() ? 0 : bias[i / area % s.o];
  for_products(s, [&](int out, int in, int weight, int) { y[out] += x[in] * w[weight]; });
  return y;
}

// relu, and the maximum of 2x2 windows where asked.
inline std::vector<double> reference_relu_pool(const ConvShape& s, std::vector<double> y,
                                               bool pool) {
  for (double& value : y) value = value > 0 ? value : 0;
  if (!pool) return y;
  const int rows = s.rows(), columns = s.columns();
  std::vector<double> pooled;
  for (int plane = 0; plane < s.n * s.o; ++plane)
    for (int i = 0; i < rows; i += 2)
      for (int j = 0; j < columns; j += 2) {
        const double* at = y.data() + (plane * rows + i) * columns + j;
        pooled.push_back(std::max(std::max(at[0], at[1]), std::max(at[columns], at[columns + 1])));
      }
  return pooled;
}

}  // namespace espalier::testing
