// The numbers of products: bf16 where the processor multiplies it (AVX-512 BF16, with PyTorch's products, which use AMX
// where there is any), fp32 elsewhere; functions as exact as these need them, and products of matrices in the cache.
#pragma once

#include "vectors.h"

#if EGI_BF16

#include <ATen/native/CPUBlas.h>

using Half = uint16_t;
constexpr int PIECES = 3, VALUE_PIECES = 2;  // of numbers that keep 16 bits: split rows of q and k, and of values

inline Numbers widened(__m256i bits) {
  return {{(Register)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))}};
}
inline __m256i narrowed(const Numbers& values) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh((__m512)values.part[0]));
}
inline __mmask16 mask(int count) { return static_cast<__mmask16>(count >= LANES ? 0xffffu : (1u << count) - 1u); }
inline Numbers load16(const Half* from) { return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))); }
inline void store16(Half* to, const Numbers& values) {
  const __m256i bits = narrowed(values);
  memcpy(to, &bits, sizeof bits);
}
inline Numbers load16(const Half* from, int count) { return widened(_mm256_maskz_loadu_epi16(mask(count), from)); }
inline void store16(Half* to, const Numbers& values, int count) {
  _mm256_mask_storeu_epi16(to, mask(count), narrowed(values));
}
inline Half rounded(float value) {
  Half lanes[LANES];
  store16(lanes, every(value));
  return lanes[0];
}

// 2^x for what is rounded to bf16, relative error 8e-5: 2^floor(x) times the best cubic for 2^f, 0 <= f < 1.
inline Numbers power_of_two(const Numbers& numbers) {
  const __m512 x = (__m512)numbers.part[0];
  const Numbers f{{(Register)_mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}};
  Numbers series = every(0.0780230067f);
  for (float term : {0.226069391f, 0.695832847f, 0.999925245f}) series = series * f + every(term);
  return {{(Register)_mm512_scalef_ps((__m512)series.part[0], x)}};
}
inline Numbers inverse(const Numbers& x) { return {{(Register)_mm512_rcp14_ps((__m512)x.part[0])}}; }

// Rows 2k and 2k + 1 of a matrix side by side, the form that products want of their second factor:
// [rows][columns] -> [rows / 2][columns][2]. Even rows; columns are a multiple of 16.
inline __m512i pair_of_rows(__m256i even, __m256i odd) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}
inline __m512i pair_of_rows(const Half* even, const Half* odd) {
  return pair_of_rows(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(even)),
                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(odd)));
}
inline void pack(const Half* from, int stride, int rows, int columns, Half* to) {
  for (int row = 0; row < rows; row += 2)
    for (int column = 0; column < columns; column += LANES) {
      const Half* at = from + row * stride + column;
      _mm512_storeu_si512(to + row * columns + 2 * column, pair_of_rows(at, at + stride));
    }
}
// Numbers of the even row `row` and of the next one, from column `at` on, into a packed matrix.
inline void pack_pair(Half* to, int columns, int row, int at, const Numbers& even, const Numbers& odd) {
  _mm512_storeu_si512(to + row * columns + 2 * at, pair_of_rows(narrowed(even), narrowed(odd)));
}

// 16 x 16 numbers of 32 bits.
inline void transpose_block(__m512i (&r)[LANES]) {
  __m512i t[LANES];
  for (int k = 0; k < LANES; k += 2) {
    t[k] = _mm512_unpacklo_epi32(r[k], r[k + 1]);
    t[k + 1] = _mm512_unpackhi_epi32(r[k], r[k + 1]);
  }
  for (int k = 0; k < LANES; k += 4) {
    r[k] = _mm512_unpacklo_epi64(t[k], t[k + 2]);
    r[k + 1] = _mm512_unpackhi_epi64(t[k], t[k + 2]);
    r[k + 2] = _mm512_unpacklo_epi64(t[k + 1], t[k + 3]);
    r[k + 3] = _mm512_unpackhi_epi64(t[k + 1], t[k + 3]);
  }
  for (int k = 0; k < 4; k++) {
    t[k] = _mm512_shuffle_i32x4(r[k], r[k + 4], 0x88);
    t[k + 4] = _mm512_shuffle_i32x4(r[k], r[k + 4], 0xdd);
    t[k + 8] = _mm512_shuffle_i32x4(r[k + 8], r[k + 12], 0x88);
    t[k + 12] = _mm512_shuffle_i32x4(r[k + 8], r[k + 12], 0xdd);
  }
  for (int k = 0; k < 8; k++) {
    r[k] = _mm512_shuffle_i32x4(t[k], t[k + 8], 0x88);
    r[k + 8] = _mm512_shuffle_i32x4(t[k], t[k + 8], 0xdd);
  }
}
// Of fp32: from[k * stride + j] -> to[j * to_stride + k], 16 of each.
inline void turn_block(const float* from, int stride, float* to, int to_stride) {
  __m512i block[LANES];
  for (int k = 0; k < LANES; k++) block[k] = _mm512_loadu_si512(from + k * stride);
  transpose_block(block);
  for (int k = 0; k < LANES; k++) _mm512_storeu_si512(to + k * to_stride, block[k]);
}

// The transpose of a matrix: [rows][columns] -> [columns][rows]. Rows are a multiple of 32, columns of 16.
inline void transpose(const Half* from, int stride, int rows, int columns, Half* to) {
  for (int row = 0; row < rows; row += 2 * LANES)
    for (int column = 0; column < columns; column += LANES) {
      __m512i block[LANES];
      for (int k = 0; k < LANES; k++) {
        const Half* at = from + (row + 2 * k) * stride + column;
        block[k] = pair_of_rows(at, at + stride);
      }
      transpose_block(block);
      for (int k = 0; k < LANES; k++) _mm512_storeu_si512(to + (column + k) * rows + row, block[k]);
    }
}
// Rows [n][k] as a second factor [k][n], packed. Rows are a multiple of 16, k is one of 32.
inline void pack_turned(const Half* from, int rows, int k, Half* to) {
  for (int row = 0; row < rows; row += LANES)
    for (int at = 0; at < k; at += 2 * LANES) {
      __m512i block[LANES];
      for (int lane = 0; lane < LANES; lane++) block[lane] = _mm512_loadu_si512(from + (row + lane) * k + at);
      transpose_block(block);
      for (int lane = 0; lane < LANES; lane++) _mm512_storeu_si512(to + (at + 2 * lane) * rows + 2 * row, block[lane]);
    }
}

// out[m][n] (+)= sum_k left[m][k] right[k][n], the second one packed; m and n are multiples of 16, k is one of 32.
inline void multiply(int m, int n, int k, const Half* left, const Half* right, float* out, bool more = false) {
  at::native::cpublas::brgemm(m, n, k, k, n, n, more, reinterpret_cast<const at::BFloat16*>(left),
                              reinterpret_cast<const at::BFloat16*>(right), out);
}
inline void end_of_products() { at::native::cpublas::brgemm_release(); }

#else

using Half = float;
constexpr int PIECES = 1, VALUE_PIECES = 1;

inline Numbers load16(const Half* from) { return load(from); }
inline void store16(Half* to, const Numbers& values) { store(to, values); }
inline Numbers load16(const Half* from, int count) { return load(from, count); }
inline void store16(Half* to, const Numbers& values, int count) { store(to, values, count); }
inline Half rounded(float value) { return value; }

// 2^x, relative error 2e-7: 2^n times a polynomial for 2^f, |f| <= 1/2 (Cephes, exp2f).
inline Numbers power_of_two(const Numbers& x) {
  const Exponent parts(x);
  Numbers series = every(1.535336188319500e-4f);
  for (float term : {1.339887440266574e-3f, 9.618437357674640e-3f, 5.550332471162809e-2f, 2.402264791363012e-1f,
                     6.931472028550421e-1f, 1.0f})
    series = series * parts.fraction + every(term);
  return parts.times(series);
}
inline Numbers inverse(const Numbers& x) { return every(1.0f) / x; }

// Second factors of products are as they are.
inline void pack(const Half* from, int stride, int rows, int columns, Half* to) {
  for (int row = 0; row < rows; row++) std::copy_n(from + row * stride, columns, to + row * columns);
}
inline void pack_pair(Half* to, int columns, int row, int at, const Numbers& even, const Numbers& odd) {
  store(to + row * columns + at, even);
  store(to + (row + 1) * columns + at, odd);
}
inline void turn_block(const float* from, int stride, float* to, int to_stride) {
  for (int k = 0; k < LANES; k++)
    for (int j = 0; j < LANES; j++) to[j * to_stride + k] = from[k * stride + j];
}
inline void transpose(const Half* from, int stride, int rows, int columns, Half* to) {
  for (int row = 0; row < rows; row += LANES)
    for (int column = 0; column < columns; column += LANES)
      turn_block(from + row * stride + column, stride, to + column * rows + row, rows);
}
inline void pack_turned(const Half* from, int rows, int k, Half* to) { transpose(from, k, rows, k, to); }

// Rows that are multiplied together: as many as keep the processor's adders busy and its registers free.
constexpr int TOGETHER = WIDTH == 16 ? 8 : 4;
#define ROWS_TOGETHER _Pragma("GCC unroll 8") for (int r = 0; r < TOGETHER; r++)  // else sums stay in memory
inline void multiply(int m, int n, int k, const Half* left, const Half* right, float* out, bool more = false) {
  for (int column = 0; column < n; column += LANES)
    for (int row = 0; row < m; row += TOGETHER) {
      float* to = out + row * n + column;
      const float* from = left + row * k;
      Numbers sums[TOGETHER];
      if (more) {
        ROWS_TOGETHER sums[r] = load(to + r * n);
      } else {
        ROWS_TOGETHER sums[r] = zero();
      }
      for (int at = 0; at < k; at++) {
        const Numbers factor = load(right + at * n + column);
        ROWS_TOGETHER sums[r] = sums[r] + every(from[r * k + at]) * factor;
      }
      ROWS_TOGETHER store(to + r * n, sums[r]);
    }
}
inline void end_of_products() {}

#endif

inline Numbers exponential(const Numbers& x) { return power_of_two(x * every(LOG2_E)); }
// 1 / (1 + e^-x); relative error 1e-4 where numbers are rounded to bf16.
inline Numbers logistic(const Numbers& x) { return inverse(every(1.0f) + power_of_two(x * every(-LOG2_E))); }
