// Messages over pairs, on the way there, without anything of the size of all pairs in memory: `PairMessages` in
// nn/structure_layer.py has the formulas. A tile of pairs goes through all of it while it lies in the cache.
#pragma once

#include "tiles.h"

namespace messages {

constexpr int ROWS = 128;          // pairs of a tile
constexpr float FARTHEST = 40.0f;  // in squared widths of a Gaussian, as in nn/embeddings.py

struct Sizes {
  int64_t molecules, frames;
  int atoms, hidden, channels, radial, types, threads;
  int features() const { return padded(radial, 2 * LANES); }  // of a pair, filled with zeros
  int gates() const { return 1 + 2 * channels; }
  int gates_padded() const { return padded(gates(), LANES); }
  int gates_back() const { return padded(gates(), 2 * LANES); }  // on the way back
};

// Edge types [B, N, N], and where a message passes [B, N, N].
struct Graph {
  const int64_t* types;
  const float* mask;
};

// Pairs that exchange a message: molecule b has those from starts[b] to starts[b + 1].
struct Pairs {
  std::vector<int64_t> starts{0};
  std::vector<int> receiver, sender, type;

  Pairs(const Sizes& s, const Graph& graph) {
    for (int64_t molecule = 0, at = 0; molecule < s.molecules; molecule++) {
      for (int i = 0; i < s.atoms; i++)
        for (int j = 0; j < s.atoms; j++, at++)
          if (graph.mask[at] > 0) {
            receiver.push_back(i);
            sender.push_back(j);
            type.push_back(static_cast<int>(graph.types[at]));
          }
      starts.push_back(static_cast<int64_t>(type.size()));
    }
  }
};

// W of each linear layer, [out][in], and its bias [out]; centres of the Gaussians [32], zeros behind the last one.
struct Weights {
  const float *pair, *message, *message_bias, *gates, *gates_bias, *centres;
  float scale;
};

// Positions [F, N, 3] (scaled Å), vectors [F, N, 3, C], what receiver and sender add [F, N, H]: inputs, or their
// gradients.
template <class T>
struct Nodes {
  T *x, *v, *receiver, *sender;
};

// Sums over senders: pushes [F, N, 3], carried vectors [F, N, 3, C], messages [F, N, H].
template <class T>
struct Sums {
  T *pushed, *carried, *gathered;
};

// None where weights are frozen.
struct Gradients {
  float *pair, *message, *message_bias, *gates, *gates_bias;
};

struct Tile {
  const Sizes& size;
  const Weights* weights;
  int rows = 0, filled = 0;  // pairs, and their number up to the next multiple of 32
  int64_t receiver[ROWS], sender[ROWS];
  int type[ROWS];
  float relative[ROWS][3], distance[ROWS]{}, place[ROWS];  // scaled Å, scaled Å, scaled log(1 + distance)
  Buffer<Half> features, first, message;                   // [rows][features], [rows][H], [rows][H]
  Buffer<float> hidden, slope_first, slope_message, gates;

  Tile(const Sizes& s, const Weights* w) : size(s), weights(w) {
    features.resize(ROWS * s.features());
    first.resize(ROWS * s.hidden);
    message.resize(ROWS * s.hidden);
    hidden.resize(ROWS * std::max(s.hidden, s.features()));
    gates.resize(ROWS * s.gates_padded());
  }

  // Pairs `begin` to `end` of a molecule, counted on from frame to frame; `first` is the row of its first atom.
  void place_pairs(const Pairs& pairs, int64_t molecule, int64_t first, int64_t begin, int64_t end, const float* x) {
    const int64_t start = pairs.starts[molecule], count = pairs.starts[molecule + 1] - start;
    rows = static_cast<int>(end - begin);
    filled = padded(rows, 2 * LANES);
    int64_t node = first + begin / count * size.atoms, pair = begin % count;
    for (int r = 0; r < rows; r++, pair++) {
      if (pair == count) {
        pair = 0;
        node += size.atoms;
      }
      receiver[r] = node + pairs.receiver[start + pair];
      sender[r] = node + pairs.sender[start + pair];
      type[r] = pairs.type[start + pair];
      float square = 1e-6f;
      for (int d = 0; d < 3; d++) {
        relative[r][d] = x[3 * receiver[r] + d] - x[3 * sender[r] + d];
        square += relative[r][d] * relative[r][d];
      }
      distance[r] = std::sqrt(square);
    }
    for (int r = 0; r < rows; r += LANES)
      store(place + r, logarithm(load(distance + r) + every(1.0f)) * every(weights->scale));
    for (int r = 0; r < rows; r++)  // what is behind the last centre meets weights of zero
      for (int k = 0; k < size.radial; k += LANES) store16(&features[r * size.features() + k], basis(r, k));
  }

  Numbers basis(int r, int k) const {
    const Numbers offset = every(place[r]) - load(weights->centres + k);
    const Numbers square = smaller(offset * offset, every(FARTHEST));
    return exponential(zero() - square);
  }
};

struct Layers {
  Factors pair, message, gates;
  Buffer<float> types;  // [types][H]: what each type of an edge adds
  Layers(const Sizes& s, const Weights& w)
      : pair(w.pair, s.hidden, s.radial, s.radial + s.types),
        message(w.message, s.hidden, s.hidden),
        gates(w.gates, s.gates(), s.hidden),
        types(s.types * s.hidden) {
    for (int type = 0; type < s.types; type++)
      for (int k = 0; k < s.hidden; k++)
        types[type * s.hidden + k] = w.pair[k * (s.radial + s.types) + s.radial + type];
  }
};

// From placed pairs to first, message and gates; for the way back with the derivatives of both SiLUs.
template <bool back>
void through(Tile& t, const Layers& layers, const Nodes<const float>& nodes) {
  const int h = t.size.hidden;
  float* z = t.hidden.data();
  multiply(t.filled, h, t.size.features(), t.features.data(), layers.pair.there.data(), z);
  auto silu = [&](Numbers value, Half* to, Buffer<float>& slope, int at) {
    const Numbers sigma = logistic(value), result = value * sigma;
    store16(to + at, result);
    if constexpr (back)  // sigma + silu (1 - sigma)
      store(&slope[at], result * (every(1.0f) - sigma) + sigma);
  };
  for (int r = 0; r < t.rows; r++) {
    const float *to = nodes.receiver + t.receiver[r] * h, *from = nodes.sender + t.sender[r] * h;
    const float* type = &layers.types[t.type[r] * h];
    for (int k = 0; k < h; k += LANES)
      silu(load(z + r * h + k) + load(from + k) + load(to + k) + load(type + k), t.first.data(), t.slope_first,
           r * h + k);
  }
  multiply(t.filled, h, h, t.first.data(), layers.message.there.data(), z);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < h; k += LANES)
      silu(load(z + r * h + k) + load(t.weights->message_bias + k), t.message.data(), t.slope_message,
           r * h + k);
  multiply(t.filled, t.size.gates_padded(), h, t.message.data(), layers.gates.there.data(), t.gates.data());
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < t.size.gates(); k++) t.gates[r * t.size.gates_padded() + k] += t.weights->gates_bias[k];
}

inline void sum_up(const Tile& t, const Nodes<const float>& nodes, const Sums<float>& sums) {
  const int h = t.size.hidden, channels = t.size.channels;
  for (int r = 0; r < t.rows; r++) {
    const int64_t i = t.receiver[r], j = t.sender[r];
    const float* gates = &t.gates[r * t.size.gates_padded()];
    const float inverse = 1.0f / (t.distance[r] + 1.0f);
    for (int k = 0; k < h; k += LANES) add(sums.gathered + i * h + k, load16(&t.message[r * h + k]));
    for (int d = 0; d < 3; d++) {
      const float unit = t.relative[r][d] * inverse;
      sums.pushed[3 * i + d] += gates[0] * unit;
      for (int c = 0; c < channels; c += LANES) {
        const Numbers mixed = load(gates + 1 + channels + c) * load(nodes.v + (3 * j + d) * channels + c);
        add(sums.carried + (3 * i + d) * channels + c, load(gates + 1 + c) * every(unit) + mixed);
      }
    }
  }
}

}  // namespace messages
