// Oriented triples on the way there: `OrientedTriples` in nn/structure_layer.py has the formulas.
#pragma once

#include "tiles.h"

namespace triples {

constexpr int ARMS = 3;

// Rows of centre and three arms [S, 4] among the B N atoms of a batch, in any order of molecules, and signs [S].
struct Stereo {
  const int64_t* atoms;
  const float* signs;
  int64_t count;
};

// W [out][in] of the linear layers, and biases [out].
struct Weights {
  const float *centre, *centre_bias, *arm, *volume, *scalars, *scalars_bias, *gates, *gates_bias;
};

struct Triple {
  int atom[1 + ARMS];  // within the molecule, the centre first
  float sign;
};
// Those of each molecule.
inline std::vector<std::vector<Triple>> of_molecules(const Stereo& stereo, int64_t molecules, int atoms) {
  std::vector<std::vector<Triple>> found(molecules);
  for (int64_t k = 0; k < stereo.count; k++) {
    Triple triple{{}, stereo.signs[k]};
    for (int at = 0; at <= ARMS; at++) triple.atom[at] = static_cast<int>(stereo.atoms[4 * k + at] % atoms);
    found[stereo.atoms[4 * k] / atoms].push_back(triple);
  }
  return found;
}

struct Layers {
  Linear centre, arm, scalars, gates;
  Buffer<float> volume;  // [3][inner], filled as `centre` is
  Layers(const Weights& w, int hidden, int inner)
      : centre(w.centre, w.centre_bias, inner, hidden),
        arm(w.arm, nullptr, inner, hidden),
        scalars(w.scalars, w.scalars_bias, 2 * hidden, inner),
        gates(w.gates, w.gates_bias, 2 + 2 * LANES, inner),
        volume(3 * centre.size) {
    for (int k = 0; k < inner; k++)
      for (int feature = 0; feature < 3; feature++) volume[feature * centre.size + k] = w.volume[k * 3 + feature];
  }
};

// Room for the triples of some frames: x [.., 3], h [.., H], v [.., 3, 16].
struct Work {
  int hidden;
  Buffer<Half> centres, arms, inner;
  Buffer<float> from_centre, from_arm, scalars, gates;
  std::vector<float> cross, volume;

  // What the triples add to the atoms of `frames` frames; all of them see the state of before.
  void run(const std::vector<Triple>& triples, const Layers& layers, int frames, int atoms, float* x, float* h,
           float* v) {
    const int count = static_cast<int>(triples.size()) * frames;
    if (count == 0) return;
    resize(layers, count);
    for (int row = 0; row < count; row++) place(triples[row / frames], row, row % frames * atoms, x, h);
    layers.centre(padded(count, LANES), centres.data(), from_centre.data());
    layers.arm(padded(ARMS * count, LANES), arms.data(), from_arm.data());
    for (int at = 0; at < ARMS * count; at++) {
      const float f = volume[at / ARMS], features[3]{f, std::tanh(4 * f), f * f};
      for (int k = 0; k < layers.centre.size; k += LANES) {
        Numbers sum = layers.centre.at(&from_centre[at / ARMS * layers.centre.size], k) +
                      load(&from_arm[at * layers.arm.size + k]);
        for (int feature = 0; feature < 3; feature++)
          sum = load(&layers.volume[feature * layers.centre.size + k]) * every(features[feature]) + sum;
        store16(&inner[at * layers.scalars.wide + k], sum * logistic(sum));
      }
    }
    layers.scalars(padded(ARMS * count, LANES), inner.data(), scalars.data());
    layers.gates(padded(ARMS * count, LANES), inner.data(), gates.data());
    for (int row = 0; row < count; row++) push(layers, triples[row / frames], row, row % frames * atoms, x, h, v);
  }

 private:
  void resize(const Layers& layers, int count) {
    const int rows = padded(count, LANES), of_arms = padded(ARMS * count, LANES);
    centres.resize(rows * layers.centre.wide);
    arms.resize(of_arms * layers.arm.wide);
    inner.resize(of_arms * layers.scalars.wide);
    from_centre.resize(rows * layers.centre.size);
    from_arm.resize(of_arms * layers.arm.size);
    scalars.resize(of_arms * layers.scalars.size);
    gates.resize(of_arms * layers.gates.size);
    cross.resize(count * ARMS * 3);
    volume.resize(count);
  }

  // Scalars of the atoms, cross products of arms and their volume.
  void place(const Triple& triple, int row, int first, const float* x, const float* h) {
    float u[ARMS][3];
    for (int at = 0; at <= ARMS; at++) {
      const float* from = h + (first + triple.atom[at]) * hidden;
      Half* to = at == 0 ? &centres[row * hidden] : &arms[(row * ARMS + at - 1) * hidden];
      for (int k = 0; k < hidden; k += LANES) store16(to + k, load(from + k));
    }
    for (int arm = 0; arm < ARMS; arm++) {
      float square = 1e-6f;
      for (int d = 0; d < 3; d++) {
        u[arm][d] = x[3 * (first + triple.atom[1 + arm]) + d] - x[3 * (first + triple.atom[0]) + d];
        square += u[arm][d] * u[arm][d];
      }
      for (float& component : u[arm]) component /= std::sqrt(square) + 1.0f;
    }
    for (int arm = 0; arm < ARMS; arm++) {
      const float *a = u[(arm + 1) % ARMS], *b = u[(arm + 2) % ARMS];
      for (int d = 0; d < 3; d++) {
        const int e = (d + 1) % 3, f = (d + 2) % 3;
        cross[(row * ARMS + arm) * 3 + d] = triple.sign * (a[e] * b[f] - a[f] * b[e]);
      }
    }
    volume[row] = 0.0f;
    for (int d = 0; d < 3; d++) volume[row] += u[0][d] * cross[row * ARMS * 3 + d];
  }

  void push(const Layers& layers, const Triple& triple, int row, int first, float* x, float* h, float* v) {
    const int centre = first + triple.atom[0];
    for (int arm = 0; arm < ARMS; arm++) {
      const int at = row * ARMS + arm, atom = first + triple.atom[1 + arm];
      const float *scalar = &scalars[at * layers.scalars.size], *gate = &gates[at * layers.gates.size];
      for (int k = 0; k < hidden; k += LANES) {
        add(h + atom * hidden + k, layers.scalars.at(scalar, k));
        add(h + centre * hidden + k, layers.scalars.at(scalar, hidden + k));
      }
      const Numbers to_arm = layers.gates.at(gate, 2), to_centre = layers.gates.at(gate, 2 + LANES);
      for (int d = 0; d < 3; d++) {
        const float along = cross[at * 3 + d];
        x[3 * atom + d] += (gate[0] + layers.gates.bias[0]) * along;
        x[3 * centre + d] -= (gate[1] + layers.gates.bias[1]) * along;
        add(v + (3 * atom + d) * LANES, to_arm * every(along));
        add(v + (3 * centre + d) * LANES, to_centre * every(along));
      }
    }
  }
};

}  // namespace triples
