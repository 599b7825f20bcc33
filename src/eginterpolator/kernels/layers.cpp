// Structure layers one after the other, on the way there: `StructureLayer` in nn/structure_layer.py has the formulas.
// A few frames go through all of them while their state lies in the cache.
#include "messages.h"
#include "transition.h"
#include "triples.h"

namespace {

constexpr int ATOMS = 128;  // about as many of them are worked on together, whole frames

// Of the whole stack: embedding of each frame's noise [B, T, H]; all weights; centres of the Gaussians [32], zeros
// behind the last one; triples; how many layers, and how wide triples are.
struct Stack {
  const float *noise, *weights, *centres;
  triples::Stereo stereo;
  int layers, inner;
  float scale;
};

// Of a layer, in the order of its `parameters()`: W [out][in] of linear layers, biases [out].
struct Weights {
  const float *scale, *shift, *noise, *noise_bias, *receiver, *receiver_bias, *sender;
  messages::Weights messages;
  const float *first, *first_bias, *second, *second_bias;  // of the update
  triples::Weights triples;
  transition::Weights<const float> transition;

  // `at` goes on to those of the next layer.
  Weights(const float*& at, const messages::Sizes& s, const transition::Sizes& rows, const Stack& stack) {
    auto next = [&](int out, int in = 1) {
      at += out * in;
      return at - out * in;
    };
    const int h = s.hidden, inner = stack.inner, features = s.radial + s.types, gates = 2 + 2 * LANES;
    scale = next(h), shift = next(h);
    noise = next(h, h), noise_bias = next(h), receiver = next(h, h), receiver_bias = next(h), sender = next(h, h);
    messages.pair = next(h, features), messages.message = next(h, h), messages.message_bias = next(h);
    messages.gates = next(s.gates(), h), messages.gates_bias = next(s.gates());
    messages.centres = stack.centres, messages.scale = stack.scale;
    first = next(h, 2 * h), first_bias = next(h), second = next(h, h), second_bias = next(h);
    triples.centre = next(inner, h), triples.centre_bias = next(inner), triples.arm = next(inner, h);
    triples.volume = next(inner, 3), triples.scalars = next(2 * h, inner), triples.scalars_bias = next(2 * h);
    triples.gates = next(gates, inner), triples.gates_bias = next(gates);
    transition.scale = next(h), transition.shift = next(h);
    transition.left = next(LANES, LANES), transition.right = next(LANES + 1, LANES);
    transition.first = next(rows.inner(), rows.in()), transition.first_bias = next(rows.inner());
    transition.second = next(rows.out(), rows.inner()), transition.second_bias = next(rows.out());
  }
};

struct Layer {
  Weights w;
  Linear noise, receiver, sender, first, second;
  messages::Layers messages;
  triples::Layers triples;
  transition::Layers transition;
  Layer(const float*& weights, const messages::Sizes& s, const transition::Sizes& rows, const Stack& stack)
      : w(weights, s, rows, stack),
        noise(w.noise, w.noise_bias, s.hidden, s.hidden),
        receiver(w.receiver, w.receiver_bias, s.hidden, s.hidden),
        sender(w.sender, nullptr, s.hidden, s.hidden),
        first(w.first, w.first_bias, s.hidden, 2 * s.hidden),
        second(w.second, w.second_bias, s.hidden, s.hidden),
        messages(s, w.messages),
        triples(w.triples, s.hidden, stack.inner),
        transition(rows, w.transition) {}
};

// Some frames of one molecule.
struct Chunk {
  const messages::Sizes& s;
  const int hidden, most, rows_padded;  // the most frames
  int frames = 0, rows = 0;
  Buffer<float> x, h, v, receiver, sender, pushed, carried, gathered, product, noise;
  Buffer<Half> normed, both, noise_in;
  triples::Work triples;

  explicit Chunk(const messages::Sizes& size)
      : s(size),
        hidden(s.hidden),
        most(std::max(1, ATOMS / s.atoms)),
        rows_padded(padded(most * s.atoms, LANES)),
        triples{s.hidden} {
    const int n = rows_padded;
    for (auto* each : {&h, &receiver, &sender, &gathered, &product}) each->resize(n * hidden);
    for (auto* each : {&x, &pushed}) each->resize(n * 3);
    for (auto* each : {&v, &carried}) each->resize(n * 3 * LANES);
    noise.resize(padded(most, LANES) * hidden);
    noise_in.resize(padded(most, LANES) * hidden);
    normed.resize(n * hidden);
    both.resize(n * 2 * hidden);
  }

  void read(const transition::State<const float>& from, const float* embedding, int64_t frame, int count) {
    frames = count, rows = count * s.atoms;
    const int64_t row = frame * s.atoms;
    std::copy_n(from.x + row * 3, rows * 3, x.begin());
    std::copy_n(from.h + row * hidden, rows * hidden, h.begin());
    std::copy_n(from.v + row * 3 * LANES, rows * 3 * LANES, v.begin());
    for (int k = 0; k < frames * hidden; k += LANES) store16(&noise_in[k], load(embedding + frame * hidden + k));
  }
  void write(const transition::State<float>& to, int64_t frame) const {
    const int64_t row = frame * s.atoms;
    std::copy_n(x.begin(), rows * 3, to.x + row * 3);
    std::copy_n(h.begin(), rows * hidden, to.h + row * hidden);
    std::copy_n(v.begin(), rows * 3 * LANES, to.v + row * 3 * LANES);
  }

  // `senders`: how many send to each atom.
  void exchange(const Layer& layer, messages::Tile& tile, const messages::Pairs& pairs, int64_t molecule,
                const std::vector<float>& senders) {
    layer.noise(padded(frames, LANES), noise_in.data(), noise.data());
    for (int r = 0; r < rows; r++) {
      bound(r);
      const float* told = &noise[r / s.atoms * hidden];
      normalise(&h[r * hidden], hidden, [&](int k, const Numbers& value) {
        const Numbers sum = value * load(layer.w.scale + k) + load(layer.w.shift + k) + layer.noise.at(told, k);
        store16(&normed[r * hidden + k], sum);
        store16(&both[r * 2 * hidden + k], sum);
      });
    }
    layer.receiver(rows_padded, normed.data(), receiver.data());
    layer.sender(rows_padded, normed.data(), sender.data());
    for (int at = 0; at < rows * hidden; at += LANES) add(&receiver[at], load(&layer.receiver.bias[at % hidden]));
    for (auto* each : {&pushed, &carried, &gathered}) std::fill(each->begin(), each->end(), 0.0f);
    const messages::Nodes<const float> nodes{x.data(), v.data(), receiver.data(), sender.data()};
    const messages::Sums<float> sums{pushed.data(), carried.data(), gathered.data()};
    const int64_t count = frames * (pairs.starts[molecule + 1] - pairs.starts[molecule]);
    for (int64_t at = 0; at < count; at += messages::ROWS) {
      tile.place_pairs(pairs, molecule, 0, at, std::min<int64_t>(at + messages::ROWS, count), x.data());
      messages::through<false>(tile, layer.messages, nodes);
      messages::sum_up(tile, nodes, sums);
    }
    update(layer, senders);
  }

  void mix(const Layer& layer, const std::vector<triples::Triple>& found, transition::Tile& mixing) {
    triples.run(found, layer.triples, frames, s.atoms, x.data(), h.data(), v.data());
    const transition::State<const float> from{x.data(), h.data(), v.data()};
    const transition::State<float> to{x.data(), h.data(), v.data()};
    for (int at = 0; at < rows; at += transition::ROWS) {
      mixing.through<false>(layer.transition, from, at, std::min(transition::ROWS, rows - at));
      mixing.finish(from, to);
    }
  }

 private:
  void bound(int r) {
    transition::Vector vector;
    transition::get(&v[r * 3 * LANES], vector);
    const Numbers factor = every(transition::shrink(vector));
    for (int d = 0; d < 3; d++) store(&v[(r * 3 + d) * LANES], vector[d] * factor);
  }

  void update(const Layer& layer, const std::vector<float>& senders) {
    for (int r = 0; r < rows; r++) {
      const float share = 1.0f / senders[r % s.atoms];
      const Numbers mean = every(share), root = every(std::sqrt(share));
      for (int k = 0; k < hidden; k += LANES)
        store16(&both[r * 2 * hidden + hidden + k], load(&gathered[r * hidden + k]) * root);
      for (int d = 0; d < 3; d++) {
        x[3 * r + d] += pushed[3 * r + d] * share;
        add(&v[(3 * r + d) * LANES], load(&carried[(3 * r + d) * LANES]) * mean);
      }
    }
    layer.first(rows_padded, both.data(), product.data());
    for (int r = 0; r < rows; r++)
      for (int k = 0; k < hidden; k += LANES) {
        const Numbers value = layer.first.at(&product[r * hidden], k);
        store16(&normed[r * hidden + k], value * logistic(value));
      }
    layer.second(rows_padded, normed.data(), product.data());
    for (int r = 0; r < rows; r++)
      for (int k = 0; k < hidden; k += LANES) add(&h[r * hidden + k], layer.second.at(&product[r * hidden], k));
  }
};

// How many send to each atom of a molecule, at least one.
std::vector<float> senders_of(const messages::Pairs& pairs, int64_t molecule, int atoms) {
  std::vector<float> found(atoms);
  for (int64_t at = pairs.starts[molecule]; at < pairs.starts[molecule + 1]; at++) found[pairs.receiver[at]] += 1.0f;
  for (float& count : found) count = std::max(count, 1.0f);
  return found;
}

}  // namespace

extern "C" {

// From the state [B, T, N, ..] to that behind the last layer, in memory of its own.
void egi_layers(const messages::Sizes* size, const messages::Graph* graph, const Stack* stack,
                const transition::State<const float>* state, const transition::State<float>* out) {
  const messages::Sizes& s = *size;
  const transition::Sizes rows{s.molecules * s.frames * s.atoms, s.hidden, 1};
  const messages::Pairs pairs(s, *graph);
  const auto found = triples::of_molecules(stack->stereo, s.molecules, s.atoms);
  const float* weights = stack->weights;
  std::vector<Layer> layers;
  layers.reserve(stack->layers);
  for (int k = 0; k < stack->layers; k++) layers.emplace_back(weights, s, rows, *stack);
  in_parts(s.threads, s.molecules * s.frames, [&](int, int64_t begin, int64_t end) {
    Chunk chunk(s);
    messages::Tile tile(s, nullptr);
    transition::Tile mixing(rows, nullptr);
    for (int64_t frame = begin; frame < end;) {
      const int64_t molecule = frame / s.frames, left = std::min(end, (molecule + 1) * s.frames) - frame;
      const int count = static_cast<int>(std::min<int64_t>(chunk.most, left));
      const std::vector<float> senders = senders_of(pairs, molecule, s.atoms);
      chunk.read(*state, stack->noise, frame, count);
      for (const Layer& layer : layers) {
        tile.weights = &layer.w.messages;
        mixing.w = &layer.w.transition;
        chunk.exchange(layer, tile, pairs, molecule, senders);
        chunk.mix(layer, found[molecule], mixing);
      }
      chunk.write(*out, frame);
      frame += count;
    }
  });
}
}
