// A quantity of LANES replicas at once: a vector of floats, one lane a replica. GCC's and Clang's vector types do the
// arithmetic; what they lack (estimates of 1/x and 1/sqrt(x), tests of all lanes) is written for each instruction set.
// The polynomials are those of coefficients.h, which approximations.py makes.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif
#include "coefficients.h"

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))

typedef float F __attribute__((vector_size(4 * LANES)));
typedef int32_t I __attribute__((vector_size(4 * LANES)));
typedef uint32_t U __attribute__((vector_size(4 * LANES)));

INLINE F splat(float value) { return F{} + value; }
INLINE F larger(F a, F b) { return a > b ? a : b; }
INLINE F smaller(F a, F b) { return a < b ? a : b; }
INLINE F magnitude(F a) { return (F)((U)a & 0x7fffffffu); }

// Estimates of 1/sqrt(x) and 1/x, good to 12 bits or more.
INLINE F estimate_inverse_root(F x) {
#if LANES == 16 && defined(__AVX512F__)
    return (F)_mm512_rsqrt14_ps((__m512)x);
#elif LANES == 8 && defined(__AVX__)
    return (F)_mm256_rsqrt_ps((__m256)x);
#elif LANES == 4 && defined(__SSE__)
    return (F)_mm_rsqrt_ps((__m128)x);
#elif LANES == 4 && defined(__ARM_NEON)
    float32x4_t y = vrsqrteq_f32((float32x4_t)x);
    return (F)vmulq_f32(y, vrsqrtsq_f32(vmulq_f32((float32x4_t)x, y), y));
#else
    F y;
    for (int lane = 0; lane < LANES; lane++) y[lane] = 1.0f / std::sqrt(x[lane]);
    return y;
#endif
}
INLINE F estimate_inverse(F x) {
#if LANES == 16 && defined(__AVX512F__)
    return (F)_mm512_rcp14_ps((__m512)x);
#elif LANES == 8 && defined(__AVX__)
    return (F)_mm256_rcp_ps((__m256)x);
#elif LANES == 4 && defined(__SSE__)
    return (F)_mm_rcp_ps((__m128)x);
#else
    return 1.0f / x;
#endif
}
// One step of Newton's method makes full single precision of them.
INLINE F inverse_root(F x) {
    F y = estimate_inverse_root(x);
    return y * (1.5f - (0.5f * x * y) * y);
}
INLINE F inverse(F x) {
    F y = estimate_inverse(x);
    return y * (2.0f - x * y);
}

INLINE bool all_larger(F a, F b) {
#if LANES == 16 && defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ) == 0xffff;
#elif LANES == 8 && defined(__AVX__)
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GT_OQ)) == 0xff;
#elif LANES == 4 && defined(__SSE__)
    return _mm_movemask_ps(_mm_cmpgt_ps((__m128)a, (__m128)b)) == 0xf;
#else
    I found = a > b;
    bool all = true;
    for (int lane = 0; lane < LANES; lane++) all &= found[lane] != 0;
    return all;
#endif
}

template <int N> INLINE F polynomial(const float (&c)[N], F x) {
    F y = splat(c[N - 1]);
#pragma GCC unroll 16
    for (int k = N - 2; k >= 0; k--) y = y * x + c[k];
    return y;
}

// 2^x for -126 < x < 127: the whole part goes into the exponent.
INLINE F exp2(F x) {
    const float round = 12582912.0f;  // 1.5 * 2^23: what is added to it loses its fraction
    F whole = x + round;
    I exponent = (I)whole - 0x4b400000;
    F fraction = x - (whole - round);
    return polynomial(EXP2, fraction) * (F)((exponent + 127) << 23);
}
// ln(x) for normal x > 0: of the mantissa in [sqrt(1/2), sqrt(2)), and of the exponent.
INLINE F logarithm(F x) {
    I bits = (I)x;
    I exponent = (bits - 0x3f3504f3) >> 23;
    F part = (F)(bits - (exponent << 23)) - 1.0f;
    return __builtin_convertvector(exponent, F) * 0.69314718056f + part * polynomial(LOG1P, part);
}
// The angle in [0, pi] of which y >= 0 and x are proportional to the sine and the cosine.
INLINE F angle_of(F y, F x) {
    F size = magnitude(x), ratio = smaller(y, size) * inverse(larger(larger(y, size), splat(1e-20f)));
    F angle = ratio * polynomial(ATAN, ratio * ratio);
    angle = y > size ? 1.57079632679f - angle : angle;
    return x < 0.0f ? 3.14159265359f - angle : angle;
}

struct Vector {
    F x, y, z;
};
INLINE Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
INLINE Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
INLINE Vector operator*(Vector a, F s) { return {a.x * s, a.y * s, a.z * s}; }
INLINE Vector operator*(Vector a, float s) { return {a.x * s, a.y * s, a.z * s}; }
INLINE F dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
INLINE Vector cross(Vector a, Vector b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
INLINE Vector get(const F *a, int i) { return {a[3 * i], a[3 * i + 1], a[3 * i + 2]}; }
INLINE void put(F *a, int i, Vector v) { a[3 * i] = v.x, a[3 * i + 1] = v.y, a[3 * i + 2] = v.z; }
INLINE void add(F *a, int i, Vector v) { a[3 * i] += v.x, a[3 * i + 1] += v.y, a[3 * i + 2] += v.z; }

// xoshiro128++ (Blackman and Vigna 2021), a generator a lane, and normal numbers by Box and Muller's transform.
struct Random {
    U s[4];

    INLINE_MEMBER U turned(U x, int by) { return (x << by) | (x >> (32 - by)); }
    INLINE_MEMBER U next() {
        U result = turned(s[0] + s[3], 7) + s[0], t = s[1] << 9;
        s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t;
        s[3] = turned(s[3], 11);
        return result;
    }
    // Two independent standard normal numbers.
    INLINE_MEMBER void normal(F &first, F &second) {
        F uniform = __builtin_convertvector((I)(next() >> 8), F) * 5.9604644775390625e-8f + 2.98023223876953125e-8f;
        F turn = __builtin_convertvector((I)next(), F) * 2.3283064365386963e-10f;  // [-1/2, 1/2]
        F size = larger(logarithm(uniform) * -2.0f, splat(1e-30f));
        size = size * inverse_root(size);
        F square = turn * turn, half = turn * polynomial(SIN_PI, square), whole = polynomial(COS_PI, square);
        first = size * (1.0f - 2.0f * half * half);  // cos(2 pi turn), from sine and cosine of half of it
        second = size * (2.0f * half * whole);
    }
};
