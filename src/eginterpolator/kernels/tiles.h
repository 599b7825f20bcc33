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

// W [out][in] of a linear layer as second factor of x W^T, and of y W; filled with zeros to multiples of 32.
struct Factors {
  Buffer<Half> there, back;
  Factors(const float* weight, int out, int in) {
    const int rows = padded(out, 2 * LANES), wide = padded(in, 2 * LANES);
    Buffer<Half> plain(rows * wide);
    for (int row = 0; row < out; row++)
      for (int at = 0; at < in; at += LANES)
        store16(&plain[row * wide + at], load(weight + row * in + at, in - at));
    for (auto* each : {&there, &back}) each->resize(plain.size());
    pack_turned(plain.data(), rows, wide, there.data());
    pack(plain.data(), wide, rows, wide, back.data());
  }
};

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
