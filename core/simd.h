// SIMD: the widest vector of floats that the target has, through the compiler's vector extension.
// For the kernels' own files; no public header includes it, since its types depend on the target.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace espalier {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
inline constexpr int kRegisters = 32;
#elif defined(__AVX__)
inline constexpr int kLanes = 8;
inline constexpr int kRegisters = 16;
#else
inline constexpr int kLanes = 4;
inline constexpr int kRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecUnaligned __attribute__((vector_size(kLanes * 4), aligned(4)));
typedef std::int32_t VecInt __attribute__((vector_size(kLanes * 4)));
typedef std::uint8_t Bytes __attribute__((vector_size(kLanes)));  // one a lane

inline Vec broadcast(float x) {
#if defined(__AVX512F__)
  return Vec{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif defined(__AVX__)
  return Vec{x, x, x, x, x, x, x, x};
#else
  return Vec{x, x, x, x};
#endif
}
inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline Vec load_unaligned(const float* p) { return *reinterpret_cast<const VecUnaligned*>(p); }
inline void store(float* p, Vec x) { *reinterpret_cast<Vec*>(p) = x; }
inline void store_unaligned(float* p, Vec x) { *reinterpret_cast<VecUnaligned*>(p) = x; }
// The larger; b where either is NaN. One instruction, where the comparison would be two.
inline Vec max(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xFFFF, a, b);
#elif defined(__AVX2__)
  return _mm256_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}
inline Vec relu(Vec x) { return max(Vec{}, x); }  // NaN stays NaN
inline Vec at_most(Vec x, float limit) { return x > limit ? broadcast(limit) : x; }  // likewise

// Stores past the caches, for results larger than these: the line is not read first. fence() before
// another thread may see them.
inline void stream(float* p, Vec x) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, x);
#elif defined(__AVX__)
  _mm256_stream_ps(p, x);
#else
  store(p, x);
#endif
}
inline void fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// A byte a lane as whole numbers, which the compiler's own conversion would fetch lane by lane.
inline VecInt widen(const std::uint8_t* p) {
#if defined(__AVX512F__)
  // Masked, for the plain form begins with an undefined register, which compilers warn of.
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return reinterpret_cast<VecInt>(_mm512_maskz_cvtepu8_epi32(0xFFFF, bytes));
#elif defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return reinterpret_cast<VecInt>(_mm256_cvtepu8_epi32(bytes));
#else
  Bytes bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, VecInt);
#endif
}

// Keeps the compiler from loading x again for every use, as it likes to do where an instruction can
// take its operand from memory: the load ports would then be the limit.
[[gnu::always_inline]] inline void keep_in_register(Vec& x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__SSE__)
  asm("" : "+x"(x));
#else
  (void)x;
#endif
}

// Keeps the compiler from computing an address later than it says here.
[[gnu::always_inline]] inline void keep_in_register(const float*& p) { asm("" : "+r"(p)); }

// The sum of the lanes, as a tree, so that it is the same for every caller.
inline float sum(Vec x) {
  float lane[kLanes];
  std::memcpy(lane, &x, sizeof x);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

// Folds two vectors into one: of every 2 * H lanes the lower come from a, the upper from b, each
// the sum of two lanes that lie H apart.
template <int H, std::size_t... Lane>
[[gnu::always_inline]] inline Vec fold(Vec a, Vec b, std::index_sequence<Lane...>) {
  // Which lanes is known at compile time: the compiler would fetch them one by one otherwise.
  return __builtin_shufflevector(
             a, b, (Lane / (2 * H) * (2 * H) + Lane % H + (Lane & H ? kLanes : 0))...) +
         __builtin_shufflevector(
             a, b, (Lane / (2 * H) * (2 * H) + Lane % H + H + (Lane & H ? kLanes : 0))...);
}

// Lane i of the result is the sum of the lanes of v[i]: the same tree for all of them at once.
template <int H = kLanes / 2>
[[gnu::always_inline]] inline Vec sums(Vec (&v)[kLanes]) {
#pragma GCC unroll 8
  for (int i = 0; i < H; ++i) v[i] = fold<H>(v[i], v[i + H], std::make_index_sequence<kLanes>());
  if constexpr (H > 1) return sums<H / 2>(v);
  return v[0];
}

}  // namespace espalier
