// Averages over frames, there and back: `TemporalAttention.averages` in nn/temporal_layer.py has the formulas. An
// atom's numbers are read once for all heads, and of a matrix of scores only a few rows exist at a time. Products are
// of bf16 where the processor has it: vectors, which decide about scores, and what moves atoms are split into two of
// them then, high and low, which keeps 16 bits; scalars are bf16 already, weights and upstream gradients are rounded.
#include <cmath>

#include "frames.h"

namespace {

constexpr float ABOVE = 60.0f;  // how far, to base 2, a score may be above that which weights are counted from

struct Forward : Head {
  Buffer<Half> weights, values;
  Buffer<float> sums, top, most;

  explicit Forward(const Sizes& size)
      : Head(size),
        weights(block * block),
        values(columns * value_depth),
        sums(block * value_depth),
        top(columns),
        most(columns) {}

  void run(const Atom& a, int head, const float* by_lag, Result& out, const Kept& kept) {
    prepare(a, head, by_lag);
    for (int t = 0; t < columns; t++) top[t] = own_score(t);
    split_values(a, head);
    const int all = whole + VALUE_PIECES * LANES;
    pack(rows.data(), value_depth, columns, all, values.data());
    for (int first = 0; first < frames; first += block) {
      average(first, all);
      for (int r = 0; r < std::min(block, frames - first); r++) {
        const int t = first + r;
        const float* row = &sums[r * all];
        const float total = row[whole + ONE];
        const Numbers inverse = every(1.0f / total);
        Half* scalars = &out.scalars[(t * s.heads + head) * s.width];
        for (int d = 0; d < whole; d += LANES) store16(scalars + d, load(row + d) * inverse, s.width - d);
        const Numbers low = VALUE_PIECES > 1 ? load(row + plain) : zero();
        const Numbers average = (load(row + whole) + low) * inverse;
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
      for (int from = 0; from < columns; from += block) {
        multiply(block, block, depth, &left[first * depth], &keys[from * depth], scores.data());
        for (int r = 0; r < block; r++) weigh(r, first + r, from);
        multiply(block, all, block, weights.data(), &values[from * all], sums.data(), from > 0);
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
    Numbers total = zero();
    for (int d = t * depth; d < (t + 1) * depth; d += LANES)
      total = total + load16(&left[d]) * load16(&rows[d]);
    return LOG2_E * scale * sum(total) + bias(t)[t];
  }

  // Row r of a square of scores, of frame t.
  void weigh(int r, int t, int from) {
    const float* lag = bias(t) + from;
    Numbers greatest = every(-NOWHERE);
    for (int at = 0; at < block; at += LANES) {
      const Numbers above = load(lag + at) - every(top[t]);
      const Numbers score = load(&scores[r * block + at]) * every(LOG2_E * scale) + above;
      greatest = larger(greatest, front(real(from + at), score, greatest));
      store16(&weights[r * block + at], front(real(from + at), power_of_two(score)));
    }
    most[t] = std::max(most[t], most_of(greatest));
  }
};

struct Backward : Head {
  Buffer<Half> upstream, values, plain_keys, turned_left, turned_upstream, weights, slopes, slope_rows;
  Buffer<float> products, by_shift, mean, normaliser, sums_q, sums_k, sums_v, turned;

  explicit Backward(const Sizes& size)
      : Head(size),
        upstream(columns * value_depth),
        values(columns * value_depth),
        plain_keys(columns * plain),
        turned_left(columns * plain),
        turned_upstream(columns * plain),
        weights(block * block),
        slopes(block * block),
        slope_rows(block * block),
        products(block * block),
        by_shift(2 * columns),
        mean(columns),
        normaliser(columns, NOWHERE),
        sums_q(block * plain),
        sums_k(columns * plain),
        sums_v(columns * plain),
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
      for (int from = 0; from < columns; from += block) {
        multiply(block, block, depth, &left[first * depth], &keys[from * depth], scores.data());
        multiply(block, block, value_depth, &upstream[first * value_depth], &values[from * value_depth],
                 products.data());
        for (int r = 0; r < block; r += 2) slope(r, first + r, from);
        multiply(plain, block, block, &turned_upstream[first * plain], weights.data(), &sums_v[from * plain], true);
        multiply(plain, block, block, &turned_left[first * plain], slopes.data(), &sums_k[from * plain], true);
        multiply(block, plain, block, slope_rows.data(), &plain_keys[from * plain], sums_q.data(), from > 0);
      }
      for (int r = 0; r < std::min(block, frames - first); r++) gradient(0, head, first + r, &sums_q[r * plain], to);
    }
    turn_back(sums_k);
    for (int t = 0; t < frames; t++) gradient(1, head, t, &turned[t * plain], to);
    turn_back(sums_v);
    for (int t = 0; t < frames; t++) value_gradient(a, head, t, &turned[t * plain], to);
    for (int lag = 1 - frames; lag < frames; lag++)
      to_lag[head * frames + std::abs(lag)] += by_shift[columns - 1 + lag];
  }

  // Upstream gradients of what is averaged, their products with the averages, and what reaches x beside them.
  void start(const Atom& a, int head, const Result& out, const Result& grad, const Kept& kept, Atom& to) {
    for (int t = 0; t < frames; t++) {
      Half* row = &upstream[t * value_depth];
      const Half *scalars = grad.scalar(t, head), *results = out.scalar(t, head);
      Numbers product = zero();
      for (int d = 0; d < whole; d += LANES) {
        const Numbers values = load16(scalars + d, s.width - d);
        store16(row + d, values);
        product = values * load16(results + d, s.width - d) + product;
      }
      float slope[LANES]{}, average[LANES]{kept.phi[t]};
      for (int d = 0; d < 3; d++) {
        const float move = grad.move(t, d, head);
        slope[0] += move * a.x[3 * t + d];
        slope[1 + d] = -move;
        average[1 + d] = kept.phi[t] * a.x[3 * t + d] - out.move(t, d, head);
        to.x[3 * t + d] += move * kept.phi[t];
      }
      split_vectors(averaged.get(grad.vector(t, head), load(slope)), "hh", row + whole);
      product = product + load16(row + whole) * averaged.get(out.vector(t, head), load(average));
      mean[t] = sum(product);
      normaliser[t] = kept.normaliser[t];
    }
  }

  // Rows r and r + 1 of a square of scores, of frames t and t + 1: weights and gradients of the scores.
  void slope(int r, int t, int from) {
    for (int at = 0; at < block; at += LANES) {
      Numbers weight[2], slope[2];
      for (int k = 0; k < 2; k++) {
        const int place = (r + k) * block + at;
        const Numbers above = load(bias(t + k) + from + at) - every(normaliser[t + k]);
        const Numbers score = load(&scores[place]) * every(LOG2_E * scale) + above;
        weight[k] = front(real(from + at), power_of_two(score));
        slope[k] = weight[k] * (load(&products[place]) - every(mean[t + k]));
        store16(&slope_rows[place], slope[k]);
        add(&by_shift[columns - 1 - t - k + from + at], slope[k]);
      }
      pack_pair(weights.data(), block, r, at, weight[0], weight[1]);
      pack_pair(slopes.data(), block, r, at, slope[0], slope[1]);
    }
  }

  // Scalars and high parts of split rows: of each block frames, [plain][block].
  void turn_blocks(const Buffer<Half>& from, int all, Buffer<Half>& to) const {
    for (int t = 0; t < columns; t += block) transpose(&from[t * all], all, block, plain, &to[t * plain]);
  }

  // Sums, of each block [plain][block], as rows of frames.
  void turn_back(const Buffer<float>& sums) {
    for (int t = 0; t < columns; t += LANES)
      for (int d = 0; d < plain; d += LANES) {
        const float* from = &sums[t / block * block * plain + d * block + t % block];
        turn_block(from, block, &turned[t * plain + d], plain);
      }
  }

  // Of queries or keys.
  void gradient(int part, int head, int t, const float* row, Atom& to) const {
    Half* scalars = &to.scalars[t * s.scalar_row() + s.scalars(part, head)];
    for (int d = 0; d < whole; d += LANES)
      store16(scalars + d, load(row + d) * every(scale), s.width - d);
    mixed.set(&to.mixed[t * s.mixed_row() + s.mixed(part, head)], load(row + whole) * every(scale));
  }

  void value_gradient(const Atom& a, int head, int t, const float* row, Atom& to) const {
    Half* scalars = &to.scalars[t * s.scalar_row() + s.scalars(2, head)];
    for (int d = 0; d < whole; d += LANES) store16(scalars + d, load(row + d), s.width - d);
    const Numbers values = load(row + whole), to_what = values * by(a, t, head);
    carried.set(&to.mixed[t * s.mixed_row() + s.mixed(2, head)], to_what);
    float to_by[LANES], to_x[LANES], gates[LANES]{};
    store(to_by, values * what(a, t, head));
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

void egi_attention(const Sizes* size, const Inputs<const float, const Half>* in, const Averages<float, Half>* out,
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
void egi_attention_back(const Sizes* size, const Inputs<const float, const Half>* in,
                        const Averages<const float, const Half>* out, const Kept* kept,
                        const Averages<const float, const Half>* grad, const Inputs<float, Half>* grads) {
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
