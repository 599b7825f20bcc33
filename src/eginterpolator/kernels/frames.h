// How frames of one atom lie for the products of attention; `attention.cpp` computes them.
#pragma once

#include <cmath>

#include "tiles.h"

namespace {

constexpr int BLOCK = 128;       // the most frames whose scores are worked on together, with as many that they look at
constexpr int AHEAD = 4;         // in front of a value's vectors: phi, phi x
constexpr int ONE = LANES - 1;   // behind them
constexpr float NOWHERE = 1e4f;  // a score, to base 2, of which the power is zero

struct Sizes {
  int64_t molecules;
  int frames, atoms, heads, width, vectors, threads;  // width: scalars of a head; vectors of a head
  int scalar_row() const { return heads * (3 * width + 1 + vectors); }
  int mixed_row() const { return 9 * heads * vectors; }
  // A head's part of these rows; parts 0, 1 and 2 are those of queries, keys and values.
  int scalars(int part, int head) const { return (part * heads + head) * width; }
  int gates(int head) const { return 3 * heads * width + head * (1 + vectors); }
  int mixed(int part, int head) const { return (part * heads + head) * vectors; }
};

// As the layer has them: [B, T, N, ..], by_lag [heads, T]; or their gradients.
template <class Float, class Half>
struct Inputs {
  Float* x;
  Half* scalars;
  Float *mixed, *by_lag;
};

// Results, or their gradients; kept for the way back are averages of phi, and normalisers' logarithms to base 2:
// [B, N, heads, T].
template <class Float, class Half>
struct Averages {
  Half* scalars;
  Float *moved, *vectors;
};
struct Kept {
  float *phi, *normaliser;
};

// The vectors of a head, [component][vector], in one register from lane `first` on.
struct Vectors {
  __m512i at;
  __mmask16 which;
  Vectors(int vectors, int component, int first) : which(lanes(first + 3 * vectors) & ~lanes(first)) {
    int place[LANES]{};
    for (int k = 0; k < 3 * vectors; k++) place[first + k] = k / vectors * component + k % vectors;
    at = _mm512_loadu_si512(place);
  }
  __m512 get(const float* from, __m512 others = _mm512_setzero_ps()) const {
    return _mm512_mask_i32gather_ps(others, which, at, from, 4);
  }
  void set(float* to, __m512 values) const { _mm512_mask_i32scatter_ps(to, which, at, values, 4); }
};

// Rows of one atom out of [B, T, N, size], and back.
template <class T>
T* first_row(const Sizes& s, int64_t atom, T* all, int size) {
  return all + (atom / s.atoms * s.frames * s.atoms + atom % s.atoms) * size;
}
template <class T>
void take(const Sizes& s, int64_t atom, const T* all, int size, Buffer<T>& to) {
  const T* from = first_row(s, atom, all, size);
  for (int t = 0; t < s.frames; t++) std::copy_n(from + int64_t(t) * s.atoms * size, size, &to[t * size]);
}
template <class T>
void put(const Sizes& s, int64_t atom, const Buffer<T>& from, int size, T* all) {
  T* to = first_row(s, atom, all, size);
  for (int t = 0; t < s.frames; t++) std::copy_n(&from[t * size], size, to + int64_t(t) * s.atoms * size);
}

struct Atom {
  const Sizes& s;
  Buffer<bf16> scalars;
  Buffer<float> mixed, x;  // of the latter three numbers a frame

  explicit Atom(const Sizes& size)
      : s(size), scalars(s.frames * s.scalar_row()), mixed(s.frames * s.mixed_row()), x(s.frames * 3) {}
  void read(int64_t atom, const Inputs<const float, const bf16>& in) {
    take(s, atom, in.x, 3, x);
    take(s, atom, in.scalars, s.scalar_row(), scalars);
    take(s, atom, in.mixed, s.mixed_row(), mixed);
  }
  void write(int64_t atom, const Inputs<float, bf16>& out) const {
    put(s, atom, x, 3, out.x);
    put(s, atom, scalars, s.scalar_row(), out.scalars);
    put(s, atom, mixed, s.mixed_row(), out.mixed);
  }
};

struct Result {
  const Sizes& s;
  Buffer<bf16> scalars;
  Buffer<float> moved, vectors;

  explicit Result(const Sizes& size)
      : s(size),
        scalars(s.frames * s.heads * s.width),
        moved(s.frames * 3 * s.heads),
        vectors(s.frames * 3 * s.heads * s.vectors) {}
  void read(int64_t atom, const Averages<const float, const bf16>& in) {
    take(s, atom, in.scalars, s.heads * s.width, scalars);
    take(s, atom, in.moved, 3 * s.heads, moved);
    take(s, atom, in.vectors, 3 * s.heads * s.vectors, vectors);
  }
  void write(int64_t atom, const Averages<float, bf16>& out) const {
    put(s, atom, scalars, s.heads * s.width, out.scalars);
    put(s, atom, moved, 3 * s.heads, out.moved);
    put(s, atom, vectors, 3 * s.heads * s.vectors, out.vectors);
  }
  const bf16* scalar(int t, int head) const { return &scalars[(t * s.heads + head) * s.width]; }
  float move(int t, int d, int head) const { return moved[(t * 3 + d) * s.heads + head]; }
  const float* vector(int t, int head) const { return &vectors[(t * 3 * s.heads + head) * s.vectors]; }
};

// Split rows have the scalars first, then high and low parts of the vectors, each in a register of its own.
struct Head {
  const Sizes& s;
  const int frames, block, columns;  // the latter two multiples of 32, the last one of the block
  const int whole, plain;            // scalars, and with the high parts, multiples of LANES
  const int depth, value_depth;      // of split rows: three parts of q and k, two of values
  const float scale;
  const Vectors mixed, carried, averaged;  // of queries and keys, of values, and of results
  __m512i gate_of;                         // the gate of each lane of a value, phi first
  Buffer<bf16> left, rows, keys;
  Buffer<float> lags, scores;

  explicit Head(const Sizes& size)
      : s(size),
        frames(s.frames),
        block(std::min(BLOCK, padded(frames, 2 * LANES))),
        columns(padded(frames, block)),
        whole(padded(s.width, LANES)),
        plain(whole + LANES),
        depth(padded(whole + 3 * LANES, 2 * LANES)),
        value_depth(padded(whole + 2 * LANES, 2 * LANES)),
        scale(1.0f / std::sqrt(s.width + 3.0f * s.vectors)),
        mixed(s.vectors, 3 * s.heads * s.vectors, 0),
        carried(s.vectors, 3 * s.heads * s.vectors, AHEAD),
        averaged(s.vectors, s.heads * s.vectors, AHEAD),
        left(columns * depth),
        rows(columns * std::max(depth, value_depth)),
        keys(columns * depth),
        lags(2 * columns),
        scores(block * block) {
    int gate[LANES]{};
    for (int k = 0; k < 3 * s.vectors; k++) gate[AHEAD + k] = 1 + k % s.vectors;
    gate_of = _mm512_loadu_si512(gate);
  }

  // Rows of queries or keys. Parts of the vectors are named h and l: hlh times hhl is the product of the numbers.
  void split(const Atom& a, int part, int head, const char* parts, Buffer<bf16>& to) const {
    for (int t = 0; t < frames; t++) {
      const bf16* scalars = &a.scalars[t * s.scalar_row() + s.scalars(part, head)];
      bf16* row = &to[t * depth];
      for (int d = 0; d < whole; d += LANES) store16(row + d, load16(scalars + d, s.width - d));
      split_vectors(mixed.get(&a.mixed[t * s.mixed_row() + s.mixed(part, head)]), parts, row + whole);
    }
    std::fill(to.begin() + frames * depth, to.begin() + columns * depth, 0);
  }
  static void split_vectors(__m512 values, const char* parts, bf16* to) {
    store16(to, values);
    const __m512 low = _mm512_sub_ps(values, load16(to));
    for (const char* part = parts + 1; *part; part++) store16(to += LANES, *part == 'h' ? values : low);
  }

  // What is averaged with the scalars is `by` times `what`: phi times 1 and x, gates times vectors.
  __m512 by(const Atom& a, int t, int head) const {
    const __m512 gates = load16(&a.scalars[t * s.scalar_row() + s.gates(head)], 1 + s.vectors);
    return _mm512_maskz_permutexvar_ps(lanes(AHEAD + 3 * s.vectors), gate_of, gates);
  }
  __m512 what(const Atom& a, int t, int head) const {
    const float* x = &a.x[3 * t];
    const __m512 first = _mm512_castps128_ps512(_mm_setr_ps(1.0f, x[0], x[1], x[2]));
    return carried.get(&a.mixed[t * s.mixed_row() + s.mixed(2, head)], first);
  }
  void split_values(const Atom& a, int head) {
    for (int t = 0; t < frames; t++) {
      const bf16* scalars = &a.scalars[t * s.scalar_row() + s.scalars(2, head)];
      bf16* row = &rows[t * value_depth];
      for (int d = 0; d < whole; d += LANES) store16(row + d, load16(scalars + d, s.width - d));
      split_vectors(_mm512_mul_ps(by(a, t, head), what(a, t, head)), "hl", row + whole);
      row[whole + ONE] = rounded(1.0f);  // its average is the sum of the weights
      std::fill(row + plain + LANES, row + value_depth, 0);
    }
    std::fill(rows.begin() + frames * value_depth, rows.begin() + columns * value_depth, 0);
  }

  // Split rows [columns][all] as second factors [all][block] of each block, packed.
  void turn(int all, Buffer<bf16>& to) const {
    for (int t = 0; t < columns; t += block) pack_turned(&rows[t * all], block, all, &to[t * all]);
  }

  // Queries, keys, and biases by s - t + columns - 1, so that those of one row lie side by side.
  void prepare(const Atom& a, int head, const float* by_lag) {
    for (int at = 0; at < 2 * columns; at++)
      lags[at] = LOG2_E * by_lag[head * frames + std::min(std::abs(at - columns + 1), frames - 1)];
    split(a, 0, head, "hlh", left);
    split(a, 1, head, "hhl", rows);
    turn(depth, keys);
  }
  const float* bias(int t) const { return &lags[columns - 1 - t]; }
  __mmask16 real(int at) const { return lanes(frames - at); }
};

}  // namespace
