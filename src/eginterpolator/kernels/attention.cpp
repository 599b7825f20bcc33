// Averages over frames, there and back: `TemporalAttention.averages` in nn/temporal_layer.py has the formulas. An atom's
// numbers are read once for all heads, and of a matrix of scores only a few rows exist at a time.
// Products are of bf16. Vectors, which decide about scores, and what moves atoms are split into two of them, high and
// low, which keeps 16 bits; scalars are bf16 already, and weights and upstream gradients are rounded.
#include "tiles.h"

#include <cmath>
#include <cstring>

namespace {

constexpr int BLOCK = 128, PATCH = 64;  // the most frames whose scores are worked on together, and that they look at
constexpr int AHEAD = 4;   // in front of a value's vectors: phi, phi x
constexpr int ONE = LANES - 1;  // behind them
constexpr float NOWHERE = 1e4f, ABOVE = 60.0f;

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

// Results, or their gradients; kept for the way back are averages of phi and normalisers' logarithms to base 2, [B, N, heads, T].
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
      : s(size), scalars(s.frames * s.heads * s.width), moved(s.frames * 3 * s.heads),
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
  const int frames, block, patch, columns;  // each a multiple of 32, the latter of all
  const int whole, plain;         // scalars, and with the high parts, multiples of LANES
  const int depth, value_depth;   // of split rows: three parts of q and k, two of values
  const float scale;
  const Vectors mixed, carried, averaged;  // of queries and keys, of values, and of results
  __m512i gate_of;                // the gate of each lane of a value, phi first
  Buffer<bf16> left, rows, keys;
  Buffer<float> lags, scores;

  explicit Head(const Sizes& size)
      : s(size), frames(s.frames), block(frames > PATCH ? BLOCK : padded(frames, 2 * LANES)),
        patch(std::min(block, PATCH)), columns(padded(frames, block)), whole(padded(s.width, LANES)),
        plain(whole + LANES), depth(padded(whole + 3 * LANES, 2 * LANES)),
        value_depth(padded(whole + 2 * LANES, 2 * LANES)), scale(1.0f / std::sqrt(s.width + 3.0f * s.vectors)),
        mixed(s.vectors, 3 * s.heads * s.vectors, 0), carried(s.vectors, 3 * s.heads * s.vectors, AHEAD),
        averaged(s.vectors, s.heads * s.vectors, AHEAD), left(columns * depth),
        rows(columns * std::max(depth, value_depth)), keys(columns * depth), lags(2 * columns),
        scores(block * patch) {
    int gate[LANES]{};
    for (int k = 0; k < 3 * s.vectors; k++) gate[AHEAD + k] = 1 + k % s.vectors;
    gate_of = _mm512_loadu_si512(gate);
  }

  // Rows of queries or keys; parts of the vectors are named h and l. hlh times hhl is the product of the numbers, and so on.
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

  // Split rows [columns][all] as second factors [all][patch] of each patch, packed.
  void turn(int all, Buffer<bf16>& to) const {
    for (int t = 0; t < columns; t += patch) pack_turned(&rows[t * all], patch, all, &to[t * all]);
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

struct Forward : Head {
  Buffer<bf16> weights, values;
  Buffer<float> sums, top, most;

  explicit Forward(const Sizes& size)
      : Head(size), weights(block * patch), values(columns * value_depth), sums(block * value_depth), top(columns), most(columns) {}

  void run(const Atom& a, int head, const float* by_lag, Result& out, const Kept& kept) {
    prepare(a, head, by_lag);
    for (int t = 0; t < columns; t++) top[t] = own_score(t);
    split_values(a, head);
    const int all = plain + LANES;
    pack(rows.data(), value_depth, columns, all, values.data());
    for (int first = 0; first < frames; first += block) {
      average(first, all);
      for (int r = 0; r < std::min(block, frames - first); r++) {
        const int t = first + r;
        const float* row = &sums[r * all];
        const float total = row[whole + ONE];
        const __m512 inverse = every(1.0f / total);
        bf16* scalars = &out.scalars[(t * s.heads + head) * s.width];
        for (int d = 0; d < whole; d += LANES) store16(scalars + d, _mm512_mul_ps(load(row + d), inverse), s.width - d);
        const __m512 average = _mm512_mul_ps(_mm512_add_ps(load(row + whole), load(row + plain)), inverse);
        averaged.set(&out.vectors[(t * 3 * s.heads + head) * s.vectors], average);
        float parts[LANES];
        store(parts, average);
        for (int d = 0; d < 3; d++) out.moved[(t * 3 + d) * s.heads + head] = parts[0] * a.x[3 * t + d] - parts[1 + d];
        kept.phi[t] = parts[0];
        kept.normaliser[t] = top[t] + std::log2(total);
      }
    }
  }

  // Sums of a block of frames by weights 2^(score - top). `top` is a frame's own score; where another one is so far
  // above it that numbers overflow, the block is done once more from there.
  void average(int first, int all) {
    for (bool again = true; again;) {
      std::fill_n(&most[first], block, -NOWHERE);
      for (int from = 0; from < columns; from += patch) {
        multiply(block, patch, depth, &left[first * depth], &keys[from * depth], scores.data());
        for (int r = 0; r < block; r++) weigh(r, first + r, from);
        multiply(block, all, patch, weights.data(), &values[from * all], sums.data(), from > 0);
      }
      again = false;
      for (int t = first; t < first + block; t++)
        if (most[t] > ABOVE) {
          top[t] += most[t];
          again = true;
        }
    }
  }

  float own_score(int t) const {  // while the rows are those of keys
    __m512 sum = _mm512_setzero_ps();
    for (int d = t * depth; d < (t + 1) * depth; d += LANES) sum = _mm512_fmadd_ps(load16(&left[d]), load16(&rows[d]), sum);
    return LOG2_E * scale * _mm512_reduce_add_ps(sum) + bias(t)[t];
  }

  // Row r of a patch of scores, of frame t.
  void weigh(int r, int t, int from) {
    const float* lag = bias(t) + from;
    __m512 greatest = every(-NOWHERE);
    for (int at = 0; at < patch; at += LANES) {
      const __m512 above = _mm512_sub_ps(load(lag + at), every(top[t]));
      const __m512 score = _mm512_fmadd_ps(load(&scores[r * patch + at]), every(LOG2_E * scale), above);
      greatest = _mm512_mask_max_ps(greatest, real(from + at), greatest, score);
      store16(&weights[r * patch + at], _mm512_maskz_mov_ps(real(from + at), power_of_two(score)));
    }
    most[t] = std::max(most[t], _mm512_reduce_max_ps(greatest));
  }
};

struct Backward : Head {
  Buffer<bf16> upstream, values, plain_keys, turned_left, turned_upstream, weights, slopes, slope_rows;
  Buffer<float> products, by_shift, mean, normaliser, sums_q, sums_k, sums_v, turned;

  explicit Backward(const Sizes& size)
      : Head(size), upstream(columns * value_depth), values(columns * value_depth), plain_keys(columns * plain),
        turned_left(columns * plain), turned_upstream(columns * plain), weights(block * patch), slopes(block * patch),
        slope_rows(block * patch), products(block * patch), by_shift(2 * columns), mean(columns),
        normaliser(columns, NOWHERE), sums_q(block * plain), sums_k(columns * plain), sums_v(columns * plain),
        turned(columns * plain) {}

  void run(const Atom& a, int head, const float* by_lag, const Result& out, const Result& grad, const Kept& kept,
           Atom& to, float* to_lag) {
    prepare(a, head, by_lag);
    pack(rows.data(), depth, columns, plain, plain_keys.data());
    turn_blocks(left, depth, turned_left);
    split_values(a, head);
    turn(value_depth, values);
    start(a, head, out, grad, kept, to);
    turn_blocks(upstream, value_depth, turned_upstream);
    for (auto* sums : {&by_shift, &sums_k, &sums_v}) std::fill(sums->begin(), sums->end(), 0.0f);
    for (int first = 0; first < frames; first += block) {
      for (int from = 0; from < columns; from += patch) {
        multiply(block, patch, depth, &left[first * depth], &keys[from * depth], scores.data());
        multiply(block, patch, value_depth, &upstream[first * value_depth], &values[from * value_depth], products.data());
        for (int r = 0; r < block; r += 2) slope(r, first + r, from);
        multiply(plain, patch, block, &turned_upstream[first * plain], weights.data(), &sums_v[from * plain], true);
        multiply(plain, patch, block, &turned_left[first * plain], slopes.data(), &sums_k[from * plain], true);
        multiply(block, plain, patch, slope_rows.data(), &plain_keys[from * plain], sums_q.data(), from > 0);
      }
      for (int r = 0; r < std::min(block, frames - first); r++) gradient(0, head, first + r, &sums_q[r * plain], to);
    }
    turn_back(sums_k);
    for (int t = 0; t < frames; t++) gradient(1, head, t, &turned[t * plain], to);
    turn_back(sums_v);
    for (int t = 0; t < frames; t++) value_gradient(a, head, t, &turned[t * plain], to);
    for (int lag = 1 - frames; lag < frames; lag++) to_lag[head * frames + std::abs(lag)] += by_shift[columns - 1 + lag];
  }

  // Upstream gradients of what is averaged, their products with the averages, and what reaches x beside them.
  void start(const Atom& a, int head, const Result& out, const Result& grad, const Kept& kept, Atom& to) {
    for (int t = 0; t < frames; t++) {
      bf16* row = &upstream[t * value_depth];
      const bf16 *scalars = grad.scalar(t, head), *results = out.scalar(t, head);
      __m512 product = _mm512_setzero_ps();
      for (int d = 0; d < whole; d += LANES) {
        const __m512 values = load16(scalars + d, s.width - d);
        store16(row + d, values);
        product = _mm512_fmadd_ps(values, load16(results + d, s.width - d), product);
      }
      float slope[AHEAD]{}, average[AHEAD]{kept.phi[t]};
      for (int d = 0; d < 3; d++) {
        const float move = grad.move(t, d, head);
        slope[0] += move * a.x[3 * t + d];
        slope[1 + d] = -move;
        average[1 + d] = kept.phi[t] * a.x[3 * t + d] - out.move(t, d, head);
        to.x[3 * t + d] += move * kept.phi[t];
      }
      const __m512 others = averaged.get(grad.vector(t, head), _mm512_castps128_ps512(_mm_loadu_ps(slope)));
      split_vectors(_mm512_maskz_mov_ps(lanes(AHEAD + 3 * s.vectors), others), "hh", row + whole);
      const __m512 averages = averaged.get(out.vector(t, head), _mm512_castps128_ps512(_mm_loadu_ps(average)));
      product = _mm512_mask3_fmadd_ps(load16(row + whole), averages, product, lanes(AHEAD + 3 * s.vectors));
      mean[t] = _mm512_reduce_add_ps(product);
      normaliser[t] = kept.normaliser[t];
    }
  }

  // Rows r and r + 1 of a patch of scores, of frames t and t + 1: weights and gradients of the scores.
  void slope(int r, int t, int from) {
    for (int at = 0; at < patch; at += LANES) {
      __m512 weight[2], slope[2];
      for (int k = 0; k < 2; k++) {
        const int place = (r + k) * patch + at;
        const __m512 above = _mm512_sub_ps(load(bias(t + k) + from + at), every(normaliser[t + k]));
        const __m512 score = _mm512_fmadd_ps(load(&scores[place]), every(LOG2_E * scale), above);
        weight[k] = _mm512_maskz_mov_ps(real(from + at), power_of_two(score));
        slope[k] = _mm512_mul_ps(weight[k], _mm512_sub_ps(load(&products[place]), every(mean[t + k])));
        store16(&slope_rows[place], slope[k]);
        add(&by_shift[columns - 1 - t - k + from + at], slope[k]);
      }
      store_pair(&weights[r * patch + 2 * at], weight[0], weight[1]);
      store_pair(&slopes[r * patch + 2 * at], slope[0], slope[1]);
    }
  }
  static void store_pair(bf16* to, __m512 even, __m512 odd) {
    const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even)));
    const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd)));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }

  // Scalars and high parts of split rows: of each block frames, [plain][block].
  void turn_blocks(const Buffer<bf16>& from, int all, Buffer<bf16>& to) const {
    for (int t = 0; t < columns; t += block) transpose(&from[t * all], all, block, plain, &to[t * plain]);
  }

  // Sums, of each patch [plain][patch], as rows of frames.
  void turn_back(const Buffer<float>& sums) {
    for (int t = 0; t < columns; t += LANES)
      for (int d = 0; d < plain; d += LANES) {
        const float* from = &sums[t / patch * patch * plain + d * patch + t % patch];
        __m512i block[LANES];
        for (int k = 0; k < LANES; k++) block[k] = _mm512_loadu_si512(from + k * patch);
        transpose_block(block);
        for (int k = 0; k < LANES; k++) _mm512_storeu_si512(&turned[(t + k) * plain + d], block[k]);
      }
  }

  // Of queries or keys.
  void gradient(int part, int head, int t, const float* row, Atom& to) const {
    bf16* scalars = &to.scalars[t * s.scalar_row() + s.scalars(part, head)];
    for (int d = 0; d < whole; d += LANES)
      store16(scalars + d, _mm512_mul_ps(load(row + d), every(scale)), s.width - d);
    mixed.set(&to.mixed[t * s.mixed_row() + s.mixed(part, head)], _mm512_mul_ps(load(row + whole), every(scale)));
  }

  void value_gradient(const Atom& a, int head, int t, const float* row, Atom& to) const {
    bf16* scalars = &to.scalars[t * s.scalar_row() + s.scalars(2, head)];
    for (int d = 0; d < whole; d += LANES) store16(scalars + d, load(row + d), s.width - d);
    const __m512 values = load(row + whole), to_what = _mm512_mul_ps(values, by(a, t, head));
    carried.set(&to.mixed[t * s.mixed_row() + s.mixed(2, head)], to_what);
    float to_by[LANES], to_x[LANES], gates[LANES]{};
    store(to_by, _mm512_mul_ps(values, what(a, t, head)));
    store(to_x, to_what);
    for (int k = 0; k < AHEAD; k++) gates[0] += to_by[k];
    for (int k = 0; k < 3 * s.vectors; k++) gates[1 + k % s.vectors] += to_by[AHEAD + k];
    store16(&to.scalars[t * s.scalar_row() + s.gates(head)], load(gates), 1 + s.vectors);
    for (int d = 0; d < 3; d++) to.x[3 * t + d] += to_x[1 + d];
  }
};

Kept of_head(const Sizes& s, const Kept& all, int64_t atom, int head) {
  const int64_t at = (atom * s.heads + head) * s.frames;
  return {all.phi + at, all.normaliser + at};
}

}  // namespace

extern "C" {

void egi_attention(const Sizes* size, const Inputs<const float, const bf16>* in, const Averages<float, bf16>* out,
                   const Kept* kept) {
  in_parts(size->threads, size->molecules * size->atoms, [&](int, int64_t begin, int64_t end) {
    Atom atom(*size);
    Result result(*size);
    Forward work(*size);
    for (int64_t at = begin; at < end; at++) {
      atom.read(at, *in);
      for (int head = 0; head < size->heads; head++)
        work.run(atom, head, in->by_lag, result, of_head(*size, *kept, at, head));
      result.write(at, *out);
    }
  });
}

// Adds to grads->by_lag; the other gradients are written.
void egi_attention_back(const Sizes* size, const Inputs<const float, const bf16>* in,
                        const Averages<const float, const bf16>* out, const Kept* kept,
                        const Averages<const float, const bf16>* grad, const Inputs<float, bf16>* grads) {
  std::vector<Buffer<float>> lags(size->threads, Buffer<float>(size->heads * size->frames));
  in_parts(size->threads, size->molecules * size->atoms, [&](int share, int64_t begin, int64_t end) {
    Atom atom(*size), to(*size);
    Result result(*size), upstream(*size);
    Backward work(*size);
    for (int64_t at = begin; at < end; at++) {
      atom.read(at, *in);
      result.read(at, *out);
      upstream.read(at, *grad);
      std::fill(to.x.begin(), to.x.end(), 0.0f);
      for (int head = 0; head < size->heads; head++)
        work.run(atom, head, in->by_lag, result, upstream, of_head(*size, *kept, at, head), to, lags[share].data());
      to.write(at, *grads);
    }
  });
  for (const auto& share : lags)
    for (size_t at = 0; at < share.size(); at++) grads->by_lag[at] += share[at];
}
}
