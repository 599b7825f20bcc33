// Messages over pairs, there and back, without anything of the size of all pairs in memory: `PairMessages` in
// nn/structure_layer.py has the formulas. A tile of pairs goes through all of it while it lies in the cache; on the way
// back it is computed once more.
#include "tiles.h"

#include <cmath>

namespace {

constexpr int ROWS = 128;          // pairs of a tile
constexpr float FARTHEST = 40.0f;  // in squared widths of a Gaussian, as in nn/embeddings.py

struct Sizes {
  int64_t molecules, frames;
  int atoms, hidden, channels, radial, types, threads;
  int features() const { return padded(radial + types, 2 * LANES); }  // of a pair, filled with zeros
  int gates() const { return 1 + 2 * channels; }
  int gates_padded() const { return padded(gates(), 2 * LANES); }
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
  const Weights& weights;
  int rows = 0, filled = 0;  // pairs, and their number up to the next multiple of 32
  int64_t receiver[ROWS], sender[ROWS];
  int type[ROWS];
  float relative[ROWS][3], distance[ROWS]{}, place[ROWS];  // scaled Å, scaled Å, scaled log(1 + distance)
  Buffer<Half> features, first, message;                   // [rows][features], [rows][H], [rows][H]
  Buffer<float> hidden, slope_first, slope_message, gates;

  Tile(const Sizes& s, const Weights& w) : size(s), weights(w) {
    features.resize(ROWS * s.features());
    first.resize(ROWS * s.hidden);
    message.resize(ROWS * s.hidden);
    hidden.resize(ROWS * std::max(s.hidden, s.features()));
    gates.resize(ROWS * s.gates_padded());
  }

  // Pairs `begin` to `end` of a molecule, counted on from frame to frame.
  void place_pairs(const Pairs& pairs, int64_t molecule, int64_t begin, int64_t end, const float* x) {
    const int64_t start = pairs.starts[molecule], count = pairs.starts[molecule + 1] - start;
    rows = static_cast<int>(end - begin);
    filled = padded(rows, 2 * LANES);
    int64_t node = (molecule * size.frames + begin / count) * size.atoms, pair = begin % count;
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
      store(place + r, logarithm(load(distance + r) + every(1.0f)) * every(weights.scale));
    std::fill(features.begin(), features.end(), 0);
    for (int r = 0; r < rows; r++) {
      Half* row = &features[r * size.features()];
      for (int k = 0; k < size.radial; k += LANES) store16(row + k, basis(r, k));
      for (int k = size.radial; k < padded(size.radial, LANES); k++) row[k] = 0;
      row[size.radial + type[r]] = rounded(1.0f);
    }
  }

  Numbers basis(int r, int k) const {
    const Numbers offset = every(place[r]) - load(weights.centres + k);
    const Numbers square = smaller(offset * offset, every(FARTHEST));
    return exponential(zero() - square);
  }
};

struct Layers {
  Factors pair, message, gates;
  Layers(const Sizes& s, const Weights& w)
      : pair(w.pair, s.hidden, s.radial + s.types),
        message(w.message, s.hidden, s.hidden),
        gates(w.gates, s.gates(), s.hidden) {}
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
    const float *from = nodes.receiver + t.receiver[r] * h, *to = nodes.sender + t.sender[r] * h;
    for (int k = 0; k < h; k += LANES)
      silu(load(z + r * h + k) + load(from + k) + load(to + k), t.first.data(),
           t.slope_first, r * h + k);
  }
  multiply(t.filled, h, h, t.first.data(), layers.message.there.data(), z);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < h; k += LANES)
      silu(load(z + r * h + k) + load(t.weights.message_bias + k), t.message.data(), t.slope_message,
           r * h + k);
  multiply(t.filled, t.size.gates_padded(), h, t.message.data(), layers.gates.there.data(), t.gates.data());
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < t.size.gates(); k++) t.gates[r * t.size.gates_padded() + k] += t.weights.gates_bias[k];
}

void sum_up(const Tile& t, const Nodes<const float>& nodes, const Sums<float>& sums) {
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

// Puts the gradients of the gates in their place and adds those of vectors; `along` is that of the distance, `across`
// that of the relative position at a fixed distance.
void back_from_sums(Tile& t, const Nodes<const float>& nodes, const Sums<const float>& grad, const Nodes<float>& out,
                    float* along, float (*across)[3]) {
  const int channels = t.size.channels, width = t.size.gates_padded();
  for (int r = 0; r < t.rows; r++) {
    const int64_t i = t.receiver[r], j = t.sender[r];
    float* gates = &t.gates[r * width];
    const float inverse = 1.0f / (t.distance[r] + 1.0f);
    float unit[3], slope[3], push = 0.0f;
    for (int d = 0; d < 3; d++) {
      unit[d] = t.relative[r][d] * inverse;
      slope[d] = gates[0] * grad.pushed[3 * i + d];
      push += unit[d] * grad.pushed[3 * i + d];
    }
    gates[0] = push;
    for (int c = 0; c < channels; c += LANES) {
      const Numbers radial = load(gates + 1 + c), mix = load(gates + 1 + channels + c);
      Numbers to_radial = zero(), to_mix = zero();
      for (int d = 0; d < 3; d++) {
        const Numbers carried = load(grad.carried + (3 * i + d) * channels + c);
        to_radial = carried * every(unit[d]) + to_radial;
        to_mix = carried * load(nodes.v + (3 * j + d) * channels + c) + to_mix;
        add(out.v + (3 * j + d) * channels + c, mix * carried);
        slope[d] += sum(radial * carried);
      }
      store(gates + 1 + c, to_radial);
      store(gates + 1 + channels + c, to_mix);
    }
    float inwards = 0.0f;
    for (int d = 0; d < 3; d++) {
      across[r][d] = slope[d] * inverse;
      inwards -= slope[d] * unit[d] * inverse;
    }
    along[r] = inwards;
  }
}

struct Scratch {
  Buffer<Half> gates, upstream;
  Space space;
  Buffer<float> product;
  float along[ROWS], across[ROWS][3];
  Buffer<float> pair, message, message_bias, gate, gate_bias;  // gradients of weights

  static int widest(const Sizes& s) { return std::max({s.hidden, s.gates_padded(), s.features()}); }
  explicit Scratch(const Sizes& s) : space(ROWS, widest(s)) {
    gates.resize(ROWS * s.gates_padded());
    upstream.resize(ROWS * s.hidden);
    product.resize(ROWS * widest(s));
    pair.resize(s.hidden * s.features());
    message.resize(s.hidden * s.hidden);
    message_bias.resize(s.hidden);
    gate.resize(s.gates_padded() * s.hidden);
    gate_bias.resize(s.gates_padded());
  }
};

void back_through(Tile& t, Scratch& s, const Layers& layers, const Nodes<const float>& nodes,
                  const Sums<const float>& grad, const Nodes<float>& out, bool frozen) {
  const int h = t.size.hidden, width = t.size.gates_padded(), unused = t.filled - t.rows;
  back_from_sums(t, nodes, grad, out, s.along, s.across);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < width; k += LANES) {
      const Numbers values = load(&t.gates[r * width + k]);
      store16(&s.gates[r * width + k], values);
      add(&s.gate_bias[k], values);
    }
  for (auto* rows : {&t.features, &t.first, &t.message, &s.gates, &s.upstream}) {  // rows that are no pairs
    const int size = static_cast<int>(rows->size()) / ROWS;
    std::fill_n(rows->begin() + t.rows * size, unused * size, 0);
  }
  if (!frozen) gather(s.space, s.gates.data(), width, t.message.data(), h, t.filled, s.gate.data());

  float* product = s.product.data();
  multiply(t.filled, h, width, s.gates.data(), layers.gates.back.data(), product);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < h; k += LANES) {
      const Numbers sum = load(product + r * h + k) + load(grad.gathered + t.receiver[r] * h + k);
      const Numbers value = sum * load(&t.slope_message[r * h + k]);
      store16(&s.upstream[r * h + k], value);
      add(&s.message_bias[k], value);
    }
  if (!frozen) gather(s.space, s.upstream.data(), h, t.first.data(), h, t.filled, s.message.data());

  multiply(t.filled, h, h, s.upstream.data(), layers.message.back.data(), product);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < h; k += LANES) {
      const Numbers value = load(product + r * h + k) * load(&t.slope_first[r * h + k]);
      store16(&s.upstream[r * h + k], value);
      add(out.receiver + t.receiver[r] * h + k, value);
      add(out.sender + t.sender[r] * h + k, value);
    }
  if (!frozen) gather(s.space, s.upstream.data(), h, t.features.data(), t.size.features(), t.filled, s.pair.data());

  multiply(t.filled, t.size.features(), h, s.upstream.data(), layers.pair.back.data(), product);
  for (int r = 0; r < t.rows; r++) {
    Numbers to_place = zero();
    for (int k = 0; k < t.size.radial; k += LANES) {
      const Numbers offset = every(t.place[r]) - load(t.weights.centres + k);
      const Numbers slope = every(-2.0f) * offset * t.basis(r, k);
      const Numbers near = where_below(offset * offset, FARTHEST, load(product + r * t.size.features() + k) * slope);
      to_place = to_place + front(t.size.radial - k, near);
    }
    const float along = s.along[r] + sum(to_place) * t.weights.scale / (1.0f + t.distance[r]);
    for (int d = 0; d < 3; d++) {
      const float value = s.across[r][d] + along * t.relative[r][d] / t.distance[r];
      out.x[3 * t.receiver[r] + d] += value;
      out.x[3 * t.sender[r] + d] -= value;
    }
  }
}

// work(molecule, first pair, last pair): tiles of the frames `begin` to `end` of all.
template <class Work>
void tiles(const Sizes& s, const Pairs& pairs, int64_t begin, int64_t end, Work work) {
  for (int64_t frame = begin; frame < end;) {
    const int64_t molecule = frame / s.frames, first = frame % s.frames;
    const int64_t last = std::min(s.frames, first + end - frame),
                  count = pairs.starts[molecule + 1] - pairs.starts[molecule];
    for (int64_t at = first * count; at < last * count; at += ROWS)
      work(molecule, at, std::min(at + ROWS, last * count));
    frame += last - first;
  }
}

}  // namespace

extern "C" {

void egi_messages(const Sizes* size, const Graph* graph, const Weights* weights, const Nodes<const float>* nodes,
                  const Sums<float>* sums) {
  const Pairs pairs(*size, *graph);
  const Layers layers(*size, *weights);
  in_parts(size->threads, size->molecules * size->frames, [&](int, int64_t begin, int64_t end) {
    Tile tile(*size, *weights);
    tiles(*size, pairs, begin, end, [&](int64_t molecule, int64_t first, int64_t last) {
      tile.place_pairs(pairs, molecule, first, last, nodes->x);
      through<false>(tile, layers, *nodes);
      sum_up(tile, *nodes, *sums);
    });
  });
}

void egi_messages_back(const Sizes* size, const Graph* graph, const Weights* weights, const Nodes<const float>* nodes,
                       const Sums<const float>* grad, const Nodes<float>* out, const Gradients* gradients) {
  const Pairs pairs(*size, *graph);
  const Layers layers(*size, *weights);
  std::vector<Scratch> shares(size->threads, Scratch(*size));
  in_parts(size->threads, size->molecules * size->frames, [&](int share, int64_t begin, int64_t end) {
    Tile tile(*size, *weights);
    tile.slope_first.resize(ROWS * size->hidden);
    tile.slope_message.resize(ROWS * size->hidden);
    tiles(*size, pairs, begin, end, [&](int64_t molecule, int64_t first, int64_t last) {
      tile.place_pairs(pairs, molecule, first, last, nodes->x);
      through<true>(tile, layers, *nodes);
      back_through(tile, shares[share], layers, *nodes, *grad, *out, !gradients);
    });
  });
  if (!gradients) return;
  const int h = size->hidden, features = size->radial + size->types;
  for (const Scratch& s : shares) {
    for (int o = 0; o < h; o++)
      for (int k = 0; k < features; k++) gradients->pair[o * features + k] += s.pair[o * size->features() + k];
    for (int k = 0; k < h * h; k++) gradients->message[k] += s.message[k];
    for (int k = 0; k < h; k++) gradients->message_bias[k] += s.message_bias[k];
    for (int k = 0; k < size->gates() * h; k++) gradients->gates[k] += s.gate[k];
    for (int k = 0; k < size->gates(); k++) gradients->gates_bias[k] += s.gate_bias[k];
  }
}
}
