// 16 numbers at a time, in as many registers as they need: GCC's and Clang's vector types of WIDTH numbers do the
// arithmetic, and a product with a sum behind it becomes one instruction. What they lack is written for each
// instruction set, or number by number.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

constexpr int LANES = 16, PARTS = LANES / WIDTH;
typedef float Register __attribute__((vector_size(4 * WIDTH)));
typedef int32_t Bits __attribute__((vector_size(4 * WIDTH)));
typedef float Anywhere __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));  // in memory

struct Numbers {
  Register part[PARTS];
};

#define EACH_PART _Pragma("GCC unroll 4") for (int p = 0; p < PARTS; p++)
template <class Function>
inline __attribute__((always_inline)) Numbers each_part(Function function) {
  Numbers result;
  EACH_PART result.part[p] = function(p);
  return result;
}
#define OPERATOR(sign)                                             \
  inline Numbers operator sign(const Numbers& a, const Numbers& b) { \
    return each_part([&](int p) { return a.part[p] sign b.part[p]; }); \
  }
OPERATOR(+)
OPERATOR(-)
OPERATOR(*)
OPERATOR(/)
#undef OPERATOR

inline Numbers every(float value) {
  return each_part([&](int) { return value - Register{}; });
}
inline Numbers zero() { return every(0.0f); }
inline Numbers load(const float* from) {
  // register by register: of a copy of them all GCC makes one through the stack, in pieces of other sizes
  return each_part([&](int p) { return (Register) * reinterpret_cast<const Anywhere*>(from + p * WIDTH); });
}
inline void store(float* to, const Numbers& values) {
  EACH_PART *reinterpret_cast<Anywhere*>(to + p * WIDTH) = (Anywhere)values.part[p];
}
inline void add(float* to, const Numbers& values) { store(to, load(to) + values); }
inline Numbers smaller(const Numbers& a, const Numbers& b) {
  return each_part([&](int p) { return a.part[p] < b.part[p] ? a.part[p] : b.part[p]; });
}
inline Numbers larger(const Numbers& a, const Numbers& b) {
  return each_part([&](int p) { return a.part[p] > b.part[p] ? a.part[p] : b.part[p]; });
}
// Of `values` where a < limit, else zero.
inline Numbers where_below(const Numbers& a, float limit, const Numbers& values) {
  return each_part([&](int p) { return a.part[p] < limit ? values.part[p] : Register{}; });
}

// The first `count` of `values`, at most all and at least none, then others.
inline Numbers front(int count, const Numbers& values, const Numbers& others = zero()) {
  static constexpr int32_t PLACES[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return each_part([&](int p) {
    Bits place;
    memcpy(&place, PLACES + p * WIDTH, sizeof place);
    return place < count ? values.part[p] : others.part[p];
  });
}
// The first `count` numbers, which may be all that there are; the others are zero or stay.
inline Numbers load(const float* from, int count) {
  if (count >= LANES) return load(from);
  float values[LANES]{};
  for (int k = 0; k < count; k++) values[k] = from[k];
  return load(values);
}
inline void store(float* to, const Numbers& values, int count) {
  if (count >= LANES) return store(to, values);
  float all[LANES];
  store(all, values);
  for (int k = 0; k < count; k++) to[k] = all[k];
}

inline Numbers root(const Numbers& x) {
  return each_part([&](int p) {
#if WIDTH == 16
    return (Register)_mm512_sqrt_ps((__m512)x.part[p]);
#elif WIDTH == 8
    return (Register)_mm256_sqrt_ps((__m256)x.part[p]);
#elif defined(__ARM_NEON)
    return (Register)vsqrtq_f32((float32x4_t)x.part[p]);
#else
    Register result;
    for (int k = 0; k < WIDTH; k++) result[k] = std::sqrt(x.part[p][k]);
    return result;
#endif
  });
}
inline float sum(const Numbers& values) {
#if WIDTH == 16
  return _mm512_reduce_add_ps((__m512)values.part[0]);
#else
  Register total = values.part[0];
  for (int p = 1; p < PARTS; p++) total += values.part[p];
  float result = 0.0f;
  for (int k = 0; k < WIDTH; k++) result += total[k];
  return result;
#endif
}
inline float most_of(const Numbers& values) {
  float all[LANES];
  store(all, values);
  return *std::max_element(all, all + LANES);
}

// Numbers at places of an array and back, the first `count`, which lie in lanes from `start` on.
struct Places {
  int start = 0, count = 0;
  alignas(64) int32_t place[LANES]{};
  Numbers get(const float* from, const Numbers& others = zero()) const {
#if WIDTH == 16
    return {{(Register)_mm512_mask_i32gather_ps((__m512)others.part[0], which(), _mm512_load_si512(place), from, 4)}};
#else
    float values[LANES];
    store(values, others);
    for (int k = start; k < start + count; k++) values[k] = from[place[k]];
    return load(values);
#endif
  }
  void set(float* to, const Numbers& values) const {
#if WIDTH == 16
    _mm512_mask_i32scatter_ps(to, which(), _mm512_load_si512(place), (__m512)values.part[0], 4);
#else
    float all[LANES];
    store(all, values);
    for (int k = start; k < start + count; k++) to[place[k]] = all[k];
#endif
  }
#if WIDTH == 16
  __mmask16 which() const { return static_cast<__mmask16>(((1u << count) - 1u) << start); }
#endif
};

// ln x for x > 0, with m in [sqrt(1/2), sqrt(2)) from x = m 2^n: 2 artanh((m - 1) / (m + 1)), relative error 1e-7.
inline Numbers logarithm(const Numbers& x) {
  Numbers m, power;
  EACH_PART {
    const Bits bits = (Bits)x.part[p], n = (bits - 0x3f3504f3) >> 23;
    m.part[p] = (Register)(bits - n * (1 << 23));
    power.part[p] = __builtin_convertvector(n, Register);
  }
  const Numbers r = (m - every(1.0f)) / (m + every(1.0f)), square = r * r;
  Numbers series = every(1.0f / 9);
  for (float term : {1.0f / 7, 1.0f / 5, 1.0f / 3, 1.0f}) series = series * square + every(term);
  return power * every(0.69314718f) + every(2.0f) * r * series;
}

constexpr float LOG2_E = 1.44269504f;

// x = n + f with a whole n and |f| <= 1/2, and y 2^n; 0 below the least exponent, infinite above the largest.
struct Exponent {
  Numbers fraction;
  Bits whole[PARTS];
  explicit Exponent(const Numbers& x) {
    constexpr float ROUND = 12582912.0f;  // 1.5 * 2^23: what is added to it loses its fraction
    EACH_PART {
      const Register least = x.part[p] < -127.0f ? Register{} - 127.0f : x.part[p];
      const Register inside = least > 128.0f ? Register{} + 128.0f : least, shifted = inside + ROUND;
      whole[p] = (Bits)shifted - 0x4b400000;
      fraction.part[p] = inside - (shifted - ROUND);
    }
  }
  Numbers times(const Numbers& y) const {
    return each_part([&](int p) { return y.part[p] * (Register)((whole[p] + 127) << 23); });
  }
};
