// Gated mixing of scalars and vectors, on the way there: `Transition` in nn/structure_layer.py has the formulas. A tile
// of rows, of one atom in one frame each, goes through all of it while it lies in the cache. Vectors stay in fp32,
// products of scalars are of bf16 where the processor has it.
#pragma once

#include "tiles.h"

namespace transition {

constexpr int ROWS = 64;

// The channels of a vector fill a register.
struct Sizes {
  int64_t rows;
  int hidden, threads;
  int in() const { return hidden + 2 * LANES; }
  int inner() const { return 2 * hidden; }
  int out() const { return hidden + LANES + 1; }
  int out_padded() const { return padded(out(), 2 * LANES); }
};

// Positions [rows, 3], scalars [rows, H], vectors [rows, 3, 16]; or their gradients.
template <class T>
struct State {
  T *x, *h, *v;
};

// Of the norm, [H] each; W [out][in] of the linear layers, biases [out]; or their gradients.
template <class T>
struct Weights {
  T *scale, *shift, *left, *right, *first, *first_bias, *second, *second_bias;
};

using Vector = Numbers[3];

inline Numbers dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline void get(const float* from, Vector& to) {
  for (int d = 0; d < 3; d++) to[d] = load(from + d * LANES);
}

// What bounds a vector; (12a) of docs/method.md.
inline float shrink(const Vector& v) { return 1.0f / std::sqrt(1.0f + sum(dot(v, v)) / LANES); }

struct Layers {
  Factors first, second;
  alignas(64) float left[LANES][LANES], right[LANES][LANES];  // by input and output
  Layers(const Sizes& s, const Weights<const float>& w)
      : first(w.first, s.inner(), s.in()), second(w.second, s.out(), s.inner()) {
    for (int out = 0; out < LANES; out++)
      for (int in = 0; in < LANES; in++) {
        left[in][out] = w.left[out * LANES + in];
        right[in][out] = w.right[out * LANES + in];
      }
  }
};

// What a row has of vectors.
struct Mixed {
  alignas(64) float v[3 * LANES], left[3 * LANES], right[3 * LANES], length[LANES];  // v is bounded
  float push[3], shrink;
};

struct Tile {
  const Sizes& s;
  const Weights<const float>* w;
  int64_t begin = 0;
  int rows = 0;
  std::vector<Mixed> mixed{ROWS};
  Buffer<float> normed, z, slope, out;  // of the norm without scale and shift; before and derivative of SiLU
  Buffer<Half> in, inner;
  float deviation[ROWS];  // inverse, of the scalars

  Tile(const Sizes& size, const Weights<const float>* weights)
      : s(size),
        w(weights),
        normed(ROWS * s.hidden),
        z(ROWS * s.inner()),
        slope(ROWS * s.inner()),
        out(ROWS * s.out_padded()),
        in(ROWS * s.in()),
        inner(ROWS * s.inner()) {}

  void mix(const Layers& layers, int r, const float* from) {
    Mixed& m = mixed[r];
    Vector v, left{}, right{};
    get(from, v);
    m.shrink = shrink(v);
    const Numbers push = load(w->right + LANES * LANES);
    for (int d = 0; d < 3; d++) {
      v[d] = v[d] * every(m.shrink);
      store(m.v + d * LANES, v[d]);
      m.push[d] = sum(v[d] * push);
    }
    for (int c = 0; c < LANES; c++)
      for (int d = 0; d < 3; d++) {
        const Numbers value = every(m.v[d * LANES + c]);
        left[d] = load(layers.left[c]) * value + left[d];
        right[d] = load(layers.right[c]) * value + right[d];
      }
    for (int d = 0; d < 3; d++) {
      store(m.left + d * LANES, left[d]);
      store(m.right + d * LANES, right[d]);
    }
    const Numbers length = root(dot(right, right) + every(1e-6f));
    store(m.length, length);
    store16(&in[r * s.in() + s.hidden], dot(left, right));
    store16(&in[r * s.in() + s.hidden + LANES], length);
  }

  void norm(int r, const float* from) {
    float* row = &normed[r * s.hidden];
    Half* to = &in[r * s.in()];
    deviation[r] = normalise(from, s.hidden, [&](int k, const Numbers& value) {
      store(row + k, value);
      store16(to + k, value * load(w->scale + k) + load(w->shift + k));
    });
  }

  // Up to the output of the second layer, without its bias.
  template <bool back>
  void through(const Layers& layers, const State<const float>& state, int64_t from, int count) {
    begin = from, rows = count;
    for (int r = 0; r < rows; r++) {
      mix(layers, r, state.v + 3 * LANES * (begin + r));
      norm(r, state.h + s.hidden * (begin + r));
    }
    const int filled = padded(rows, 2 * LANES), inner_size = s.inner();
    std::fill(in.begin() + rows * s.in(), in.begin() + filled * s.in(), 0);
    multiply(filled, inner_size, s.in(), in.data(), layers.first.there.data(), z.data());
    for (int r = 0; r < filled; r++)
      for (int k = 0; k < inner_size; k += LANES) {
        const int at = r * inner_size + k;
        const Numbers value = load(&z[at]) + load(w->first_bias + k);
        const Numbers sigma = logistic(value), silu = value * sigma;
        store16(&inner[at], silu);
        if constexpr (back)  // sigma + silu (1 - sigma)
          store(&slope[at], silu * (every(1.0f) - sigma) + sigma);
      }
    multiply(filled, s.out_padded(), inner_size, inner.data(), layers.second.there.data(), out.data());
  }
  Numbers gates(int r) const {
    return load(&out[r * s.out_padded() + s.hidden]) + load(w->second_bias + s.hidden);
  }
  float gate_x(int r) const { return out[r * s.out_padded() + s.hidden + LANES] + w->second_bias[s.hidden + LANES]; }

  void finish(const State<const float>& from, const State<float>& to) const {
    for (int r = 0; r < rows; r++) {
      const int64_t row = begin + r;
      for (int k = 0; k < s.hidden; k += LANES)
        store(to.h + row * s.hidden + k,
              load(from.h + row * s.hidden + k) + load(&out[r * s.out_padded() + k]) + load(w->second_bias + k));
      const Numbers gate = gates(r);
      for (int d = 0; d < 3; d++) {
        const int at = d * LANES;
        store(to.v + 3 * LANES * row + at, gate * load(mixed[r].left + at) + load(mixed[r].v + at));
        to.x[3 * row + d] = from.x[3 * row + d] + gate_x(r) * mixed[r].push[d];
      }
    }
  }
};

}  // namespace transition
