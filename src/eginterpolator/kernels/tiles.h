// What the kernels share: products of bf16 matrices that lie in the cache, and functions of 16 numbers at a time.
// For processors with AVX-512 BF16; products use AMX where there is any.
#pragma once

#include <ATen/native/CPUBlas.h>
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

using bf16 = uint16_t;
constexpr int LANES = 16;

inline int padded(int size, int to) { return (size + to - 1) / to * to; }

inline __m512 load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, __m512 values) { _mm512_storeu_ps(to, values); }
inline __mmask16 lanes(int count) {  // the first ones, at most all and at least none
  return count >= LANES ? 0xffff : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1u);
}
inline void add(float* to, __m512 values) { store(to, _mm512_add_ps(load(to), values)); }
inline __m512 every(float value) { return _mm512_set1_ps(value); }
inline __m512 load16(const bf16* from) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline void store16(bf16* to, __m512 values) {
  const __m256bh rounded = _mm512_cvtneps_pbh(values);
  __builtin_memcpy(to, &rounded, sizeof rounded);
}
inline bf16 rounded(float value) {
  bf16 lanes[LANES];
  store16(lanes, every(value));
  return lanes[0];
}

// e^x, relative error 3e-6: 2^(n + f) with the Taylor series of 2^f, |f| <= 1/2.
inline __m512 exponential(__m512 x) {
  const __m512 power = _mm512_mul_ps(x, every(1.44269504f));
  const __m512 whole = _mm512_roundscale_ps(power, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(power, whole);
  __m512 series = every(1.33335581e-3f);
  for (float term : {9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f, 6.93147181e-1f, 1.0f})
    series = _mm512_fmadd_ps(series, f, every(term));
  return _mm512_scalef_ps(series, whole);
}

// ln x for x > 0, with m in [3/4, 3/2) from x = m 2^n: 2 artanh((m - 1) / (m + 1)), relative error 1e-7.
inline __m512 logarithm(__m512 x) {
  const __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  const __m512 power = _mm512_getexp_ps(_mm512_div_ps(x, m));
  const __m512 r = _mm512_div_ps(_mm512_sub_ps(m, every(1.0f)), _mm512_add_ps(m, every(1.0f)));
  const __m512 square = _mm512_mul_ps(r, r);
  __m512 series = every(1.0f / 9);
  for (float term : {1.0f / 7, 1.0f / 5, 1.0f / 3, 1.0f}) series = _mm512_fmadd_ps(series, square, every(term));
  return _mm512_fmadd_ps(power, every(0.69314718f), _mm512_mul_ps(every(2.0f), _mm512_mul_ps(r, series)));
}

inline __m512 logistic(__m512 x) {
  const __m512 sum = _mm512_add_ps(every(1.0f), exponential(_mm512_sub_ps(_mm512_setzero_ps(), x)));
  const __m512 near = _mm512_rcp14_ps(sum);  // and one step of Newton's
  const __m512 better = _mm512_mul_ps(near, _mm512_fnmadd_ps(sum, near, every(2.0f)));
  return _mm512_mask_mov_ps(better, _mm512_cmp_ps_mask(sum, every(1e30f), _CMP_GT_OQ), _mm512_setzero_ps());
}

// Rows 2k and 2k + 1 of a bf16 matrix side by side, the form that products want of their second factor:
// [rows][columns] -> [rows / 2][columns][2]. Even rows; columns are a multiple of 16.
inline __m512i pair_of_rows(const bf16* even, const bf16* odd) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(even)));
  const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(odd)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}
inline void pack(const bf16* from, int stride, int rows, int columns, bf16* to) {
  for (int row = 0; row < rows; row += 2)
    for (int column = 0; column < columns; column += LANES) {
      const bf16* at = from + row * stride + column;
      _mm512_storeu_si512(to + row * columns + 2 * column, pair_of_rows(at, at + stride));
    }
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

// The transpose of a bf16 matrix: [rows][columns] -> [columns][rows]. Rows are a multiple of 32, columns of 16.
inline void transpose(const bf16* from, int stride, int rows, int columns, bf16* to) {
  for (int row = 0; row < rows; row += 2 * LANES)
    for (int column = 0; column < columns; column += LANES) {
      __m512i block[LANES];
      for (int k = 0; k < LANES; k++) {
        const bf16* at = from + (row + 2 * k) * stride + column;
        block[k] = pair_of_rows(at, at + stride);
      }
      transpose_block(block);
      for (int k = 0; k < LANES; k++) _mm512_storeu_si512(to + (column + k) * rows + row, block[k]);
    }
}

// out[m][n] (+)= sum_k left[m][k] right[k][n], the second one packed; `wide` is the row length of which right has n
// columns.
inline void multiply(int m, int n, int k, const bf16* left, const bf16* right, float* out, bool more = false,
                     int wide = 0) {
  at::native::cpublas::brgemm(m, n, k, k, wide ? wide : n, n, more, reinterpret_cast<const at::BFloat16*>(left),
                              reinterpret_cast<const at::BFloat16*>(right), out);
}

// work(share, begin, end) on `threads` threads, each with its part of range(count).
template <class Work>
void in_parts(int threads, int64_t count, Work work) {
  auto part = [&](int share) {
    work(share, count * share / threads, count * (share + 1) / threads);
    at::native::cpublas::brgemm_release();
  };
  std::vector<std::thread> others;
  for (int share = 1; share < threads; share++) others.emplace_back(part, share);
  part(0);
  for (auto& other : others) other.join();
}
