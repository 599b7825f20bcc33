// Messages over pairs, there and back: each tile is computed once more on the way back.
#include "messages.h"

using namespace messages;

namespace {

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
  Buffer<float> pair, types, message, message_bias, gate, gate_bias;  // gradients of weights

  static int widest(const Sizes& s) { return std::max({s.hidden, s.gates_back(), s.features()}); }
  explicit Scratch(const Sizes& s) : space(ROWS, widest(s)) {
    gates.resize(ROWS * s.gates_back());
    upstream.resize(ROWS * s.hidden);
    product.resize(ROWS * widest(s));
    pair.resize(s.hidden * s.features());
    types.resize(s.types * s.hidden);
    message.resize(s.hidden * s.hidden);
    message_bias.resize(s.hidden);
    gate.resize(s.gates_back() * s.hidden);
    gate_bias.resize(s.gates_padded());
  }
};

void back_through(Tile& t, Scratch& s, const Layers& layers, const Nodes<const float>& nodes,
                  const Sums<const float>& grad, const Nodes<float>& out, bool frozen) {
  const int h = t.size.hidden, width = t.size.gates_padded(), back = t.size.gates_back(), unused = t.filled - t.rows;
  back_from_sums(t, nodes, grad, out, s.along, s.across);
  for (int r = 0; r < t.rows; r++)
    for (int k = 0; k < width; k += LANES) {
      const Numbers values = load(&t.gates[r * width + k]);
      store16(&s.gates[r * back + k], values);
      add(&s.gate_bias[k], values);
    }
  for (auto* rows : {&t.features, &t.first, &t.message, &s.gates, &s.upstream}) {  // rows that are no pairs
    const int size = static_cast<int>(rows->size()) / ROWS;
    std::fill_n(rows->begin() + t.rows * size, unused * size, 0);
  }
  if (!frozen) gather(s.space, s.gates.data(), back, t.message.data(), h, t.filled, s.gate.data());

  float* product = s.product.data();
  multiply(t.filled, h, back, s.gates.data(), layers.gates.back.data(), product);
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
      add(&s.types[t.type[r] * h + k], value);
      add(out.receiver + t.receiver[r] * h + k, value);
      add(out.sender + t.sender[r] * h + k, value);
    }
  if (!frozen) gather(s.space, s.upstream.data(), h, t.features.data(), t.size.features(), t.filled, s.pair.data());

  multiply(t.filled, t.size.features(), h, s.upstream.data(), layers.pair.back.data(), product);
  for (int r = 0; r < t.rows; r++) {
    Numbers to_place = zero();
    for (int k = 0; k < t.size.radial; k += LANES) {
      const Numbers offset = every(t.place[r]) - load(t.weights->centres + k);
      const Numbers slope = every(-2.0f) * offset * t.basis(r, k);
      const Numbers near = where_below(offset * offset, FARTHEST, load(product + r * t.size.features() + k) * slope);
      to_place = to_place + front(t.size.radial - k, near);
    }
    const float along = s.along[r] + sum(to_place) * t.weights->scale / (1.0f + t.distance[r]);
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
    Tile tile(*size, weights);
    tiles(*size, pairs, begin, end, [&](int64_t molecule, int64_t first, int64_t last) {
      tile.place_pairs(pairs, molecule, molecule * size->frames * size->atoms, first, last, nodes->x);
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
    Tile tile(*size, weights);
    tile.slope_first.resize(ROWS * size->hidden);
    tile.slope_message.resize(ROWS * size->hidden);
    tiles(*size, pairs, begin, end, [&](int64_t molecule, int64_t first, int64_t last) {
      tile.place_pairs(pairs, molecule, molecule * size->frames * size->atoms, first, last, nodes->x);
      through<true>(tile, layers, *nodes);
      back_through(tile, shares[share], layers, *nodes, *grad, *out, !gradients);
    });
  });
  if (!gradients) return;
  const int h = size->hidden, radial = size->radial, types = size->types;
  for (const Scratch& s : shares) {
    for (int o = 0; o < h; o++) {
      float* row = gradients->pair + o * (radial + types);
      for (int k = 0; k < radial; k++) row[k] += s.pair[o * size->features() + k];
      for (int type = 0; type < types; type++) row[radial + type] += s.types[type * h + o];
    }
    for (int k = 0; k < h * h; k++) gradients->message[k] += s.message[k];
    for (int k = 0; k < h; k++) gradients->message_bias[k] += s.message_bias[k];
    for (int k = 0; k < size->gates() * h; k++) gradients->gates[k] += s.gate[k];
    for (int k = 0; k < size->gates(); k++) gradients->gates_bias[k] += s.gate_bias[k];
  }
}
}
