// Gated mixing of scalars and vectors, there and back: each tile is computed once more on the way back.
#include "transition.h"

using namespace transition;

namespace {

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
      const Numbers value = load(to_in + k), y = load(normed + k), g = value * load(t.w->scale + k);
      add(&shift[k], value);
      add(&scale[k], value * y);
      mean = mean + g;
      along = g * y + along;
    }
    const Numbers centre = every(sum(mean) / s.hidden), slope = every(sum(along) / s.hidden);
    for (int k = 0; k < s.hidden; k += LANES) {
      const Numbers g = load(to_in + k) * load(t.w->scale + k);
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
    const Numbers push_weight = load(t.w->right + LANES * LANES);
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
        change[d] = load(t.w->left + c * LANES) * by_left + change[d];
        change[d] = load(t.w->right + c * LANES) * by_right + change[d];
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
    Tile tile(*size, weights);
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
    Tile tile(*size, weights);
    for (int64_t at = begin; at < end; at += ROWS) {
      tile.through<true>(layers, *state, at, static_cast<int>(std::min<int64_t>(ROWS, end - at)));
      shares[share].back_through(tile, layers, *grad, *to, !gradients);
    }
  });
  if (gradients)
    for (const Scratch& share : shares) share.add_to(*gradients);
}
}
