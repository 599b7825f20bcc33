// What the kernels share: products of bf16 matrices that lie in the cache, and functions of 16 numbers at a time.
// For processors with AVX-512 BF16; products use AMX where there is any.
#pragma once

#include <ATen/native/CPUBlas.h>
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

using bf16 = uint16_t;
constexpr int LANES = 16;

// Numbers that begin with a line of the cache: products are three times slower where each row lies in two of them.
template <class T>
struct Aligned {
  using value_type = T;
  static constexpr std::align_val_t LINE{64};
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), LINE)); }
  void deallocate(T* at, size_t) { ::operator delete(at, LINE); }
  bool operator==(const Aligned&) const = default;
};
template <class T>
using Buffer = std::vector<T, Aligned<T>>;

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
// The first `count` of 16 numbers, the others are zero or stay.
inline __m512 load16(const bf16* from, int count) {
  const __m256i bits = _mm256_maskz_loadu_epi16(lanes(count), from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline void store16(bf16* to, __m512 values, int count) {
  _mm256_mask_storeu_epi16(to, lanes(count), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
}
inline bf16 rounded(float value) {
  bf16 lanes[LANES];
  store16(lanes, every(value));
  return lanes[0];
}

// 2^x for what is rounded to bf16, relative error 8e-5: 2^floor(x) times the best cubic for 2^f, 0 <= f < 1.
inline __m512 power_of_two(__m512 x) {
  const __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  __m512 series = every(0.0780230067f);
  for (float term : {0.226069391f, 0.695832847f, 0.999925245f}) series = _mm512_fmadd_ps(series, f, every(term));
  return _mm512_scalef_ps(series, x);
}
constexpr float LOG2_E = 1.44269504f;
inline __m512 exponential(__m512 x) { return power_of_two(_mm512_mul_ps(x, every(LOG2_E))); }

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

// 1 / (1 + e^-x), relative error 1e-4.
inline __m512 logistic(__m512 x) {
  return _mm512_rcp14_ps(_mm512_add_ps(every(1.0f), power_of_two(_mm512_mul_ps(x, every(-LOG2_E)))));
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

// out[m][n] (+)= sum_k left[m][k] right[k][n], the second one packed; k is a multiple of 32.
inline void multiply(int m, int n, int k, const bf16* left, const bf16* right, float* out, bool more = false) {
  at::native::cpublas::brgemm(m, n, k, k, n, n, more, reinterpret_cast<const at::BFloat16*>(left),
                              reinterpret_cast<const at::BFloat16*>(right), out);
}

// Rows [n][k] as a second factor [k][n], packed. Rows are a multiple of 16, k is one of 32.
inline void pack_turned(const bf16* from, int rows, int k, bf16* to) {
  for (int row = 0; row < rows; row += LANES)
    for (int at = 0; at < k; at += 2 * LANES) {
      __m512i block[LANES];
      for (int lane = 0; lane < LANES; lane++) block[lane] = _mm512_loadu_si512(from + (row + lane) * k + at);
      transpose_block(block);
      for (int lane = 0; lane < LANES; lane++) _mm512_storeu_si512(to + (at + 2 * lane) * rows + 2 * row, block[lane]);
    }
}

// W [out][in] of a linear layer as second factor of x W^T, and of y W; filled with zeros to multiples of 32.
struct Factors {
  Buffer<bf16> there, back;
  Factors(const float* weight, int out, int in) {
    const int rows = padded(out, 2 * LANES), wide = padded(in, 2 * LANES);
    Buffer<bf16> plain(rows * wide);
    for (int row = 0; row < out; row++)
      for (int at = 0; at < in; at += LANES)
        store16(&plain[row * wide + at], _mm512_maskz_loadu_ps(lanes(in - at), weight + row * in + at));
    for (auto* each : {&there, &back}) each->resize(plain.size());
    pack_turned(plain.data(), rows, wide, there.data());
    pack(plain.data(), wide, rows, wide, back.data());
  }
};

// gradient [out][in] += left^T right, over the rows of a tile; `space` holds either of them.
struct Space {
  Buffer<bf16> turned, side;
  Space(int rows, int widest) : turned(rows * widest), side(rows * widest) {}
};
inline void gather(Space& space, const bf16* left, int out, const bf16* right, int in, int rows, float* gradient) {
  transpose(left, out, rows, out, space.turned.data());
  pack(right, in, rows, in, space.side.data());
  multiply(out, in, rows, space.turned.data(), space.side.data(), gradient, true);
}

// work(share, begin, end) on `threads` threads, each with its part of range(count). OpenMP keeps its threads: a new one
// would often begin on the core that waits for it.
template <class Work>
void in_parts(int threads, int64_t count, Work work) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int share = 0; share < threads; share++) {
    work(share, count * share / threads, count * (share + 1) / threads);
    at::native::cpublas::brgemm_release();
  }
}
