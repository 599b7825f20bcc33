// What the kernels share: buffers, linear layers as factors of products, and threads.
#pragma once

#include <new>
#include <vector>

#include "halves.h"

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

// W [out][in] of a linear layer, its rows `stride` numbers apart, filled with zeros to multiples of 32.
inline Buffer<Half> in_halves(const float* weight, int out, int in, int stride) {
  const int wide = padded(in, 2 * LANES);
  Buffer<Half> made(padded(out, 2 * LANES) * wide);
  for (int row = 0; row < out; row++)
    for (int at = 0; at < in; at += LANES)
      store16(&made[row * wide + at], load(weight + row * stride + at, in - at));
  return made;
}
// As second factor of x W^T: [in][out], to multiples of 32 and 16.
inline Buffer<Half> turned(const Buffer<Half>& weight, int out, int in) {
  const int rows = padded(out, LANES), wide = padded(in, 2 * LANES);
  Buffer<Half> made(rows * wide);
  pack_turned(weight.data(), rows, wide, made.data());
  return made;
}

// A linear layer's factors of x W^T and of y W, the latter filled to multiples of 32 both ways.
struct Factors {
  Buffer<Half> there, back;
  Factors(const float* weight, int out, int in) : Factors(weight, out, in, in) {}
  Factors(const float* weight, int out, int in, int stride) {
    const Buffer<Half> plain = in_halves(weight, out, in, stride);
    const int rows = padded(out, 2 * LANES), wide = padded(in, 2 * LANES);
    there = turned(plain, out, in);
    back.resize(plain.size());
    pack(plain.data(), wide, rows, wide, back.data());
  }
};

// x W^T + b on the way there alone; without a bias b is zero. Of rows, `wide` numbers go in and `size` come out.
struct Linear {
  int wide, size;
  Buffer<Half> factor;
  Buffer<float> bias;
  Linear(const float* weight, const float* from, int out, int in)
      : wide(padded(in, 2 * LANES)), size(padded(out, LANES)), factor(turned(in_halves(weight, out, in, in), out, in)),
        bias(size) {
    if (from) std::copy_n(from, out, bias.begin());
  }
  // The product without the bias.
  void operator()(int rows, const Half* x, float* y) const { multiply(rows, size, wide, x, factor.data(), y); }
  Numbers at(const float* row, int k) const { return load(row + k) + load(&bias[k]); }
};

// write(k, numbers): of a row the numbers less their mean, over their deviation; returns what they were multiplied by.
template <class Write>
inline float normalise(const float* row, int size, Write write) {
  constexpr float EPSILON = 1e-5f;  // of the layer norm, as in PyTorch
  Numbers total = zero(), square = total;
  for (int k = 0; k < size; k += LANES) total = total + load(row + k);
  const Numbers mean = every(sum(total) / size);
  for (int k = 0; k < size; k += LANES) {
    const Numbers value = load(row + k) - mean;
    square = value * value + square;
  }
  const float factor = 1.0f / std::sqrt(sum(square) / size + EPSILON);
  for (int k = 0; k < size; k += LANES) write(k, (load(row + k) - mean) * every(factor));
  return factor;
}

// gradient [out][in] += left^T right, over the rows of a tile; `space` holds either of them.
struct Space {
  Buffer<Half> turned, side;
  Space(int rows, int widest) : turned(rows * widest), side(rows * widest) {}
};
inline void gather(Space& space, const Half* left, int out, const Half* right, int in, int rows, float* gradient) {
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
    end_of_products();
  }
}
