// softmax(scale q k^T + bias of the lag) value, there and back, for many short sequences: nn/attention.py says what it
// is for. Of a matrix of scores only a few rows exist at a time. Numbers that decide about scores, and what is averaged,
// are split into two bf16, high and low, which keeps 16 bits of them; weights and upstream gradients are rounded.
#include "tiles.h"

#include <cmath>
#include <cstring>

namespace {

constexpr int ROWS = 64;  // frames whose scores are worked on together
constexpr int PATCH = 64;  // and, on the way back, the frames that they look at: both scores stay in the first cache
constexpr float NOWHERE = 1e4f;

struct Sizes {
  int64_t sequences;  // as many of each head, heads innermost
  int frames, heads, width, value_width, threads;
  float scale;
};

// q and k [sequences, frames, width], value [.., value_width], by_lag [heads, frames]; or their gradients.
template <class T>
struct Inputs {
  T *q, *k, *value, *by_lag;
};

// The rows of one sequence, one a frame.
template <class T>
struct Rows {
  T* at;
  int width;
  __m512 get(int t, int d) const { return _mm512_maskz_loadu_ps(lanes(width - d), at + t * width + d); }
  void set(int t, int d, __m512 values) const { _mm512_mask_storeu_ps(at + t * width + d, lanes(width - d), values); }
};

template <class T>
Rows<T> rows_of(const Sizes& s, T* from, int64_t sequence, int width) {
  return {from + sequence * s.frames * width, width};
}

struct Head {
  const Sizes& size;
  const int frames, columns;     // the latter a multiple of ROWS
  const int width, value_width;  // multiples of LANES
  const int depth, value_depth;  // of split rows: three parts of q and k, two of values
  std::vector<bf16> left, split_rows, keys;
  std::vector<float> lags, scores;

  explicit Head(const Sizes& s)
      : size(s), frames(s.frames), columns(padded(s.frames, ROWS)), width(padded(s.width, LANES)),
        value_width(padded(s.value_width, LANES)), depth(padded(3 * width, 2 * LANES)),
        value_depth(padded(2 * value_width, 2 * LANES)) {
    left.resize(columns * depth);
    split_rows.resize(columns * std::max(depth, value_depth));
    keys.resize(columns * depth);
    lags.resize(frames + columns);
    scores.resize(ROWS * columns);
  }

  // Biases by s - t + frames - 1, so that those of one row lie side by side.
  void mirror(const float* by_lag) {
    for (int at = 0; at < frames + columns; at++) lags[at] = by_lag[std::min(std::abs(at - frames + 1), frames - 1)];
  }
  const float* bias(int t) const { return &lags[frames - 1 - t]; }

  // Rows of high (h) and low (l) parts, a high one first, filled with zeros. hlh times hhl is the product of the numbers, and so on.
  void split(Rows<const float> from, float factor, const char* parts, std::vector<bf16>& to) const {
    const int each = padded(from.width, LANES), all = padded(static_cast<int>(std::strlen(parts)) * each, 2 * LANES);
    std::fill_n(to.begin(), columns * all, 0);
    for (int t = 0; t < frames; t++)
      for (int d = 0; d < each; d += LANES) {
        const __m512 values = _mm512_mul_ps(from.get(t, d), every(factor));
        bf16* row = &to[t * all + d];
        store16(row, values);
        const __m512 low = _mm512_sub_ps(values, load16(row));
        for (const char* part = parts + 1; *part; part++) store16(row += each, *part == 'h' ? values : low);
      }
  }

  // Split rows [columns][all] as a second factor [all][columns], packed.
  void turn(const std::vector<bf16>& from, int all, std::vector<bf16>& to) const {
    for (int t = 0; t < columns; t += LANES)
      for (int pair = 0; pair < all / 2; pair += LANES) {
        __m512i block[LANES];
        for (int k = 0; k < LANES; k++) block[k] = _mm512_loadu_si512(&from[(t + k) * all + 2 * pair]);
        transpose_block(block);
        for (int k = 0; k < LANES; k++) _mm512_storeu_si512(&to[2 * ((pair + k) * columns + t)], block[k]);
      }
  }

  void prepare(const Inputs<const float>& in, int64_t sequence) {
    mirror(in.by_lag + sequence % size.heads * frames);
    split(rows_of(size, in.q, sequence, size.width), size.scale, "hlh", left);
    split(rows_of(size, in.k, sequence, size.width), 1.0f, "hhl", split_rows);
    turn(split_rows, depth, keys);
  }

  __mmask16 real(int s) const { return lanes(frames - s); }
};

struct Forward : Head {
  std::vector<bf16> weights, values;
  std::vector<float> sums;

  explicit Forward(const Sizes& s) : Head(s) {
    weights.resize(ROWS * columns);
    values.resize(columns * value_depth);
    sums.resize(ROWS * value_depth);
  }

  void run(const Inputs<const float>& in, int64_t sequence, Rows<float> out, float* normaliser) {
    prepare(in, sequence);
    split(rows_of(size, in.value, sequence, size.value_width), 1.0f, "hl", split_rows);
    pack(split_rows.data(), value_depth, columns, value_depth, values.data());
    for (int first = 0; first < frames; first += ROWS) {
      const int count = std::min(ROWS, frames - first);
      multiply(count, columns, depth, &left[first * depth], keys.data(), scores.data());
      float inverse[ROWS];
      for (int r = 0; r < count; r++) {
        const float total = weigh(r, first + r, normaliser);
        inverse[r] = 1.0f / total;
      }
      multiply(count, value_depth, columns, weights.data(), values.data(), sums.data());
      for (int r = 0; r < count; r++)
        for (int d = 0; d < value_width; d += LANES) {
          const float* at = &sums[r * value_depth + d];
          out.set(first + r, d, _mm512_mul_ps(_mm512_add_ps(load(at), load(at + value_width)), every(inverse[r])));
        }
    }
  }

  // Row r of the scores, of frame t, as weights; returns their sum, as they are rounded.
  float weigh(int r, int t, float* normaliser) {
    float* row = &scores[r * columns];
    const float* lag = bias(t);
    __m512 most = every(-NOWHERE), sum = _mm512_setzero_ps();
    for (int s = 0; s < columns; s += LANES) {
      const __m512 score = _mm512_mask_add_ps(every(-NOWHERE), real(s), load(row + s), load(lag + s));
      store(row + s, score);
      most = _mm512_max_ps(most, score);
    }
    const __m512 top = every(_mm512_reduce_max_ps(most));
    for (int s = 0; s < columns; s += LANES) {
      bf16* weight = &weights[r * columns + s];
      store16(weight, _mm512_maskz_mov_ps(real(s), exponential(_mm512_sub_ps(load(row + s), top))));
      sum = _mm512_add_ps(sum, load16(weight));
    }
    const float total = _mm512_reduce_add_ps(sum);
    normaliser[t] = _mm512_cvtss_f32(top) + std::log(total);
    return total;
  }
};

struct Backward : Head {
  std::vector<bf16> upstream, values, weights, slopes, turned, plain_keys, side;
  std::vector<float> products, by_shift, sums_q, sums_k, sums_v;

  explicit Backward(const Sizes& s) : Head(s) {
    upstream.resize(columns * value_depth);
    values.resize(columns * value_depth);
    weights.resize(ROWS * columns);
    slopes.resize(ROWS * columns);
    turned.resize(ROWS * columns);
    plain_keys.resize(columns * width);
    side.resize(ROWS * std::max(width, value_width));
    products.resize(ROWS * PATCH);
    by_shift.resize(frames + columns);
    sums_q.resize(ROWS * width);
    sums_k.resize(columns * width);
    sums_v.resize(columns * value_width);
  }

  void run(const Inputs<const float>& in, int64_t sequence, Rows<const float> grad, Rows<const float> out,
           const float* normaliser, const Inputs<float>& grads, float* grad_lag) {
    prepare(in, sequence);
    pack(split_rows.data(), depth, columns, width, plain_keys.data());  // the high parts come first
    split(rows_of(size, in.value, sequence, size.value_width), 1.0f, "hl", split_rows);
    turn(split_rows, value_depth, values);
    split(grad, 1.0f, "hh", upstream);
    for (auto* sums : {&by_shift, &sums_k, &sums_v}) std::fill(sums->begin(), sums->end(), 0.0f);
    const auto to_q = rows_of(size, grads.q, sequence, size.width);
    for (int first = 0; first < frames; first += ROWS) {
      const int count = std::min(ROWS, frames - first);
      float mean[ROWS];
      for (int r = 0; r < count; r++) {
        __m512 sum = _mm512_setzero_ps();
        for (int d = 0; d < value_width; d += LANES)
          sum = _mm512_fmadd_ps(load16(&upstream[(first + r) * value_depth + d]), out.get(first + r, d), sum);
        mean[r] = _mm512_reduce_add_ps(sum);
      }
      for (int from = 0; from < columns; from += PATCH) {
        multiply(count, PATCH, depth, &left[first * depth], &keys[2 * from], scores.data(), false, columns);
        multiply(count, PATCH, value_depth, &upstream[first * value_depth], &values[2 * from], products.data(), false,
                 columns);
        for (int r = 0; r < count; r++) slope(r, first + r, from, mean[r], normaliser[first + r]);
      }
      std::fill(weights.begin() + count * columns, weights.end(), 0);
      std::fill(slopes.begin() + count * columns, slopes.end(), 0);
      multiply(count, width, columns, slopes.data(), plain_keys.data(), sums_q.data());
      for (int r = 0; r < count; r++)
        for (int d = 0; d < width; d += LANES)
          to_q.set(first + r, d, _mm512_mul_ps(load(&sums_q[r * width + d]), every(size.scale)));
      add_turned(slopes, &left[first * depth], depth, width, sums_k.data());
      add_turned(weights, &upstream[first * value_depth], value_depth, value_width, sums_v.data());
    }
    const auto to_k = rows_of(size, grads.k, sequence, size.width);
    const auto to_v = rows_of(size, grads.value, sequence, size.value_width);
    for (int t = 0; t < frames; t++) {
      for (int d = 0; d < width; d += LANES) to_k.set(t, d, load(&sums_k[t * width + d]));
      for (int d = 0; d < value_width; d += LANES) to_v.set(t, d, load(&sums_v[t * value_width + d]));
    }
    for (int at = 0; at < 2 * frames - 1; at++) grad_lag[std::abs(at - frames + 1)] += by_shift[at];
  }

  // Row r of a patch of scores, of frame t: weights and gradients of the scores.
  void slope(int r, int t, int from, float mean, float normaliser) {
    const float* lag = bias(t) + from;
    float* shift = &by_shift[frames - 1 - t + from];
    for (int s = 0; s < PATCH; s += LANES) {
      const int at = r * PATCH + s;
      const __m512 score = _mm512_add_ps(load(&scores[at]), _mm512_sub_ps(load(lag + s), every(normaliser)));
      const __m512 weight = _mm512_maskz_mov_ps(real(from + s), exponential(score));
      const __m512 slope = _mm512_mul_ps(weight, _mm512_sub_ps(load(&products[at]), every(mean)));
      store16(&weights[r * columns + from + s], weight);
      store16(&slopes[r * columns + from + s], slope);
      add(shift + s, slope);
    }
  }

  // sums [columns][wide] += from^T right, where right are the high parts of ROWS split rows.
  void add_turned(const std::vector<bf16>& from, const bf16* right, int all, int wide, float* sums) {
    transpose(from.data(), columns, ROWS, columns, turned.data());
    pack(right, all, ROWS, wide, side.data());
    multiply(columns, wide, ROWS, turned.data(), side.data(), sums, true);
  }
};

}  // namespace

extern "C" {

// out as value; normaliser, the logarithm of each row's sum: [sequences, frames].
void egi_attention(const Sizes* size, const Inputs<const float>* in, float* out, float* normaliser) {
  in_parts(size->threads, size->sequences, [&](int, int64_t begin, int64_t end) {
    Forward head(*size);
    for (int64_t at = begin; at < end; at++)
      head.run(*in, at, rows_of(*size, out, at, size->value_width), normaliser + at * size->frames);
  });
}

// Adds to grads->by_lag; the other gradients are written.
void egi_attention_back(const Sizes* size, const Inputs<const float>* in, const float* out, const float* normaliser,
                        const float* grad, const Inputs<float>* grads) {
  std::vector<std::vector<float>> lags(size->threads, std::vector<float>(size->heads * size->frames));
  in_parts(size->threads, size->sequences, [&](int share, int64_t begin, int64_t end) {
    Backward head(*size);
    for (int64_t at = begin; at < end; at++)
      head.run(*in, at, rows_of(*size, grad, at, size->value_width), rows_of(*size, out, at, size->value_width),
               normaliser + at * size->frames, *grads, &lags[share][at % size->heads * size->frames]);
  });
  for (const auto& share : lags)
    for (size_t at = 0; at < share.size(); at++) grads->by_lag[at] += share[at];
}
}
