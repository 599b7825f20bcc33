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

// The vectors of a head, [component][vector], from lane `first` on.
inline Places places(int vectors, int component, int first) {
  Places made{first, 3 * vectors};
  for (int k = 0; k < 3 * vectors; k++) made.place[first + k] = k / vectors * component + k % vectors;
  return made;
}

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
  Buffer<Half> scalars;
  Buffer<float> mixed, x;  // of the latter three numbers a frame

  explicit Atom(const Sizes& size)
      : s(size), scalars(s.frames * s.scalar_row()), mixed(s.frames * s.mixed_row()), x(s.frames * 3) {}
  void read(int64_t atom, const Inputs<const float, const Half>& in) {
    take(s, atom, in.x, 3, x);
    take(s, atom, in.scalars, s.scalar_row(), scalars);
    take(s, atom, in.mixed, s.mixed_row(), mixed);
  }
  void write(int64_t atom, const Inputs<float, Half>& out) const {
    put(s, atom, x, 3, out.x);
    put(s, atom, scalars, s.scalar_row(), out.scalars);
    put(s, atom, mixed, s.mixed_row(), out.mixed);
  }
};

struct Result {
  const Sizes& s;
  Buffer<Half> scalars;
  Buffer<float> moved, vectors;

  explicit Result(const Sizes& size)
      : s(size),
        scalars(s.frames * s.heads * s.width),
        moved(s.frames * 3 * s.heads),
        vectors(s.frames * 3 * s.heads * s.vectors) {}
  void read(int64_t atom, const Averages<const float, const Half>& in) {
    take(s, atom, in.scalars, s.heads * s.width, scalars);
    take(s, atom, in.moved, 3 * s.heads, moved);
    take(s, atom, in.vectors, 3 * s.heads * s.vectors, vectors);
  }
  void write(int64_t atom, const Averages<float, Half>& out) const {
    put(s, atom, scalars, s.heads * s.width, out.scalars);
    put(s, atom, moved, 3 * s.heads, out.moved);
    put(s, atom, vectors, 3 * s.heads * s.vectors, out.vectors);
  }
  const Half* scalar(int t, int head) const { return &scalars[(t * s.heads + head) * s.width]; }
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
  const Places mixed, carried, averaged;  // of queries and keys, of values, and of results
  int gate_of[LANES]{};                   // the gate of each lane of a value, phi first
  Buffer<Half> left, rows, keys;
  Buffer<float> lags, scores;

  explicit Head(const Sizes& size)
      : s(size),
        frames(s.frames),
        block(std::min(BLOCK, padded(frames, 2 * LANES))),
        columns(padded(frames, block)),
        whole(padded(s.width, LANES)),
        plain(whole + LANES),
        depth(padded(whole + PIECES * LANES, 2 * LANES)),
        value_depth(padded(whole + VALUE_PIECES * LANES, 2 * LANES)),
        scale(1.0f / std::sqrt(s.width + 3.0f * s.vectors)),
        mixed(places(s.vectors, 3 * s.heads * s.vectors, 0)),
        carried(places(s.vectors, 3 * s.heads * s.vectors, AHEAD)),
        averaged(places(s.vectors, s.heads * s.vectors, AHEAD)),
        left(columns * depth),
        rows(columns * std::max(depth, value_depth)),
        keys(columns * depth),
        lags(2 * columns),
        scores(block * block) {
    for (int k = 0; k < 3 * s.vectors; k++) gate_of[AHEAD + k] = 1 + k % s.vectors;
  }

  // Rows of queries or keys. Parts of the vectors are named h and l: hlh times hhl is the product of the numbers.
  void split(const Atom& a, int part, int head, const char* parts, Buffer<Half>& to) const {
    for (int t = 0; t < frames; t++) {
      const Half* scalars = &a.scalars[t * s.scalar_row() + s.scalars(part, head)];
      Half* row = &to[t * depth];
      for (int d = 0; d < whole; d += LANES) store16(row + d, load16(scalars + d, s.width - d));
      split_vectors(mixed.get(&a.mixed[t * s.mixed_row() + s.mixed(part, head)]), parts, row + whole);
    }
    std::fill(to.begin() + frames * depth, to.begin() + columns * depth, 0);
  }
  static void split_vectors(const Numbers& values, const char* parts, Half* to) {
    store16(to, values);
    if (PIECES == 1) return;  // fp32 is split into nothing
    const Numbers low = values - load16(to);
    for (const char* part = parts + 1; *part; part++) store16(to += LANES, *part == 'h' ? values : low);
  }

  // What is averaged with the scalars is `by` times `what`: phi times 1 and x, gates times vectors.
  Numbers by(const Atom& a, int t, int head) const {
    float gates[LANES], result[LANES]{};
    store(gates, load16(&a.scalars[t * s.scalar_row() + s.gates(head)], 1 + s.vectors));
    for (int k = 0; k < AHEAD + 3 * s.vectors; k++) result[k] = gates[gate_of[k]];
    return load(result);
  }
  Numbers what(const Atom& a, int t, int head) const {
    const float* x = &a.x[3 * t];
    const float ahead[LANES]{1.0f, x[0], x[1], x[2]};
    return carried.get(&a.mixed[t * s.mixed_row() + s.mixed(2, head)], load(ahead));
  }
  void split_values(const Atom& a, int head) {
    for (int t = 0; t < frames; t++) {
      const Half* scalars = &a.scalars[t * s.scalar_row() + s.scalars(2, head)];
      Half* row = &rows[t * value_depth];
      for (int d = 0; d < whole; d += LANES) store16(row + d, load16(scalars + d, s.width - d));
      split_vectors(by(a, t, head) * what(a, t, head), "hl", row + whole);
      row[whole + ONE] = rounded(1.0f);  // its average is the sum of the weights
      std::fill(row + whole + VALUE_PIECES * LANES, row + value_depth, 0);
    }
    std::fill(rows.begin() + frames * value_depth, rows.begin() + columns * value_depth, 0);
  }

  // Split rows [columns][all] as second factors [all][block] of each block, packed.
  void turn(int all, Buffer<Half>& to) const {
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
  int real(int at) const { return frames - at; }  // lanes that are frames
};

}  // namespace
