// Gated mixing of scalars and vectors, there and back: `Transition` in nn/structure_layer.py has the formulas. A tile
// of rows, of one atom in one frame each, goes through all of it while it lies in the cache; on the way back it is
// computed once more. Vectors stay in fp32, products of scalars are of bf16 where the processor has it.
#include "tiles.h"

#include <cmath>

namespace {

constexpr int ROWS = 64;
constexpr float EPSILON = 1e-5f;  // of the layer norm, as in PyTorch

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

Numbers dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
void get(const float* from, Vector& to) {
  for (int d = 0; d < 3; d++) to[d] = load(from + d * LANES);
}

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
  const Weights<const float>& w;
  int64_t begin = 0;
  int rows = 0;
  std::vector<Mixed> mixed{ROWS};
  Buffer<float> normed, z, slope, out;  // of the norm without scale and shift; before and derivative of SiLU
  Buffer<Half> in, inner;
  float deviation[ROWS];  // inverse, of the scalars

  Tile(const Sizes& size, const Weights<const float>& weights)
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
    m.shrink = 1.0f / std::sqrt(1.0f + sum(dot(v, v)) / LANES);
    const Numbers push = load(w.right + LANES * LANES);
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
    const int h = s.hidden;
    float* row = &normed[r * h];
    Numbers total = zero(), square = total;
    for (int k = 0; k < h; k += LANES) total = total + load(from + k);
    const Numbers mean = every(sum(total) / h);
    for (int k = 0; k < h; k += LANES) {
      const Numbers value = load(from + k) - mean;
      store(row + k, value);
      square = value * value + square;
    }
    deviation[r] = 1.0f / std::sqrt(sum(square) / h + EPSILON);
    for (int k = 0; k < h; k += LANES) {
      const Numbers value = load(row + k) * every(deviation[r]);
      store(row + k, value);
      store16(&in[r * s.in() + k], value * load(w.scale + k) + load(w.shift + k));
    }
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
        const Numbers value = load(&z[at]) + load(w.first_bias + k);
        const Numbers sigma = logistic(value), silu = value * sigma;
        store16(&inner[at], silu);
        if constexpr (back)  // sigma + silu (1 - sigma)
          store(&slope[at], silu * (every(1.0f) - sigma) + sigma);
      }
    multiply(filled, s.out_padded(), inner_size, inner.data(), layers.second.there.data(), out.data());
  }
  Numbers gates(int r) const {
    return load(&out[r * s.out_padded() + s.hidden]) + load(w.second_bias + s.hidden);
  }
  float gate_x(int r) const { return out[r * s.out_padded() + s.hidden + LANES] + w.second_bias[s.hidden + LANES]; }

  void finish(const State<const float>& from, const State<float>& to) const {
    for (int r = 0; r < rows; r++) {
      const int64_t row = begin + r;
      for (int k = 0; k < s.hidden; k += LANES)
        store(to.h + row * s.hidden + k,
              load(from.h + row * s.hidden + k) + load(&out[r * s.out_padded() + k]) + load(w.second_bias + k));
      const Numbers gate = gates(r);
      for (int d = 0; d < 3; d++) {
        const int at = d * LANES;
        store(to.v + 3 * LANES * row + at, gate * load(mixed[r].left + at) + load(mixed[r].v + at));
        to.x[3 * row + d] = from.x[3 * row + d] + gate_x(r) * mixed[r].push[d];
      }
    }
  }
};

struct Scratch {
  const Sizes& s;
  Buffer<Half> upstream, back;  // of the second and of the first layer
  Buffer<float> product;
  Space space;
  // Gradients of weights; those of the linear layers of scalars with the rows that fill them.
  Buffer<float> scale, shift, first, first_bias, second, second_bias;
  Numbers left[LANES]{}, right[LANES]{}, push{};

  explicit Scratch(const Sizes& size)
      : s(size),
        upstream(ROWS * s.out_padded()),
        back(ROWS * s.inner()),
        product(ROWS * widest()),
        space(ROWS, widest()),
        scale(s.hidden),
        shift(s.hidden),
        first(s.inner() * s.in()),
        first_bias(s.inner()),
        second(s.out_padded() * s.inner()),
        second_bias(s.out_padded()) {}
  int widest() const { return std::max(s.inner(), s.out_padded()); }

  // From the gradients of the results to those of scalars and vectors; that of positions is unchanged.
  void back_through(const Tile& t, const Layers& layers, const State<const float>& grad, const State<float>& to,
                    bool frozen) {
    const int wide = s.out_padded(), inner = s.inner(), filled = padded(t.rows, 2 * LANES);
    std::fill(upstream.begin(), upstream.end(), 0);
    for (int r = 0; r < t.rows; r++) {
      const int64_t row = t.begin + r;
      Half* to_out = &upstream[r * wide];
      for (int k = 0; k < s.hidden; k += LANES) {
        const Numbers value = load(grad.h + row * s.hidden + k);
        store16(to_out + k, value);
        add(&second_bias[k], value);
      }
      Vector v, left;
      get(grad.v + 3 * LANES * row, v);
      get(t.mixed[r].left, left);
      const Numbers gates = dot(v, left);
      float gate_x = 0.0f;
      for (int d = 0; d < 3; d++) gate_x += grad.x[3 * row + d] * t.mixed[r].push[d];
      store16(to_out + s.hidden, gates);
      add(&second_bias[s.hidden], gates);
      to_out[s.hidden + LANES] = rounded(gate_x);
      second_bias[s.hidden + LANES] += gate_x;
    }
    if (!frozen) gather(space, upstream.data(), wide, t.inner.data(), inner, filled, second.data());
    multiply(filled, inner, wide, upstream.data(), layers.second.back.data(), product.data());
    for (int r = 0; r < filled; r++)
      for (int k = 0; k < inner; k += LANES) {
        const int at = r * inner + k;
        const Numbers value = load(&product[at]) * load(&t.slope[at]);
        store16(&back[at], value);
        add(&first_bias[k], value);
      }
    if (!frozen) gather(space, back.data(), inner, t.in.data(), s.in(), filled, first.data());
    multiply(filled, s.in(), inner, back.data(), layers.first.back.data(), product.data());
    for (int r = 0; r < t.rows; r++) {
      const float* to_in = &product[r * s.in()];
      to_scalars(t, r, to_in, grad.h + s.hidden * (t.begin + r), to.h + s.hidden * (t.begin + r));
      to_vectors(t, layers, r, to_in + s.hidden, grad, to);
    }
  }

  // Through the norm: with y the normed scalars and g the gradient times scale, (g - mean g - y mean (g y)) /
  // deviation.
  void to_scalars(const Tile& t, int r, const float* to_in, const float* grad, float* to) {
    const float* normed = &t.normed[r * s.hidden];
    Numbers mean = zero(), along = mean;
    for (int k = 0; k < s.hidden; k += LANES) {
      const Numbers value = load(to_in + k), y = load(normed + k), g = value * load(t.w.scale + k);
      add(&shift[k], value);
      add(&scale[k], value * y);
      mean = mean + g;
      along = g * y + along;
    }
    const Numbers centre = every(sum(mean) / s.hidden), slope = every(sum(along) / s.hidden);
    for (int k = 0; k < s.hidden; k += LANES) {
      const Numbers g = load(to_in + k) * load(t.w.scale + k);
      const Numbers value = g - (slope * load(normed + k) + centre);
      store(to + k, value * every(t.deviation[r]) + load(grad + k));
    }
  }

  // to_in: gradients of products and of lengths.
  void to_vectors(const Tile& t, const Layers& layers, int r, const float* to_in, const State<const float>& grad,
                  const State<float>& to) {
    const Mixed& m = t.mixed[r];
    const int64_t row = t.begin + r;
    const Numbers products = load(to_in), lengths = load(to_in + LANES) / load(m.length),
                 gates = t.gates(r);
    const Numbers push_weight = load(t.w.right + LANES * LANES);
    const float gate_x = t.gate_x(r);
    Vector v, change, input;
    alignas(64) float to_left[3][LANES], to_right[3][LANES];
    get(m.v, v);
    for (int d = 0; d < 3; d++) {
      const Numbers left = load(m.left + d * LANES), right = load(m.right + d * LANES);
      const Numbers upstream = load(grad.v + 3 * LANES * row + d * LANES);
      const Numbers to_push = every(grad.x[3 * row + d] * gate_x);
      store(to_left[d], upstream * gates + products * right);
      store(to_right[d], products * left + lengths * right);
      change[d] = to_push * push_weight + upstream;
      push = to_push * v[d] + push;
    }
    for (int c = 0; c < LANES; c++)
      for (int d = 0; d < 3; d++) {
        const Numbers by_left = every(to_left[d][c]), by_right = every(to_right[d][c]);
        change[d] = load(t.w.left + c * LANES) * by_left + change[d];
        change[d] = load(t.w.right + c * LANES) * by_right + change[d];
        left[c] = v[d] * by_left + left[c];
        right[c] = v[d] * by_right + right[c];
      }
    // v shrunk by f = (1 + v^2 / 16)^(-1/2): f times the change less f v (v change) f / 16, with bounded v
    const float inwards = sum(dot(change, v)) / LANES;
    for (int d = 0; d < 3; d++) {
      input[d] = change[d] - v[d] * every(inwards);
      store(to.v + 3 * LANES * row + d * LANES, input[d] * every(m.shrink));
    }
  }

  void add_to(const Weights<float>& to) const {
    auto sum_up = [](const float* from, int count, float* sums) {
      for (int k = 0; k < count; k++) sums[k] += from[k];
    };
    sum_up(scale.data(), s.hidden, to.scale);
    sum_up(shift.data(), s.hidden, to.shift);
    sum_up(first.data(), s.inner() * s.in(), to.first);
    sum_up(first_bias.data(), s.inner(), to.first_bias);
    sum_up(second.data(), s.out() * s.inner(), to.second);
    sum_up(second_bias.data(), s.out(), to.second_bias);
    for (int c = 0; c < LANES; c++) {
      add(to.left + c * LANES, left[c]);
      add(to.right + c * LANES, right[c]);
    }
    add(to.right + LANES * LANES, push);
  }
};

}  // namespace

extern "C" {

void egi_transition(const Sizes* size, const Weights<const float>* weights, const State<const float>* state,
                    const State<float>* out) {
  const Layers layers(*size, *weights);
  in_parts(size->threads, size->rows, [&](int, int64_t begin, int64_t end) {
    Tile tile(*size, *weights);
    for (int64_t at = begin; at < end; at += ROWS) {
      tile.through<false>(layers, *state, at, static_cast<int>(std::min<int64_t>(ROWS, end - at)));
      tile.finish(*state, *out);
    }
  });
}

// Writes the gradients of h and v; adds to those of the weights, unless they are frozen.
void egi_transition_back(const Sizes* size, const Weights<const float>* weights, const State<const float>* state,
                         const State<const float>* grad, const State<float>* to, const Weights<float>* gradients) {
  const Layers layers(*size, *weights);
  std::vector<Scratch> shares(size->threads, Scratch(*size));
  in_parts(size->threads, size->rows, [&](int share, int64_t begin, int64_t end) {
    Tile tile(*size, *weights);
    for (int64_t at = begin; at < end; at += ROWS) {
      tile.through<true>(layers, *state, at, static_cast<int>(std::min<int64_t>(ROWS, end - at)));
      shares[share].back_through(tile, layers, *grad, *to, !gradients);
    }
  });
  if (gradients)
    for (const Scratch& share : shares) share.add_to(*gradients);
}
}
