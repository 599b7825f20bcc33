// The LangevinMiddle integrator (Zhang et al. 2019) with hydrogens at fixed distances, in OpenMM's order:
//   v += dt F/m, and v made to keep the distances; x' = x + dt v/2; v = a v + b xi; x' += dt v/2;
//   x = x' brought back onto the distances; v += (x - x')/dt.
// A star of an atom and up to four hydrogens is a constraint problem of its own, whose matrix is
//   A_kl = (delta_kl / m_k + 1 / m_centre) r_k . r_l.
#pragma once
#include "bonded.h"
#include "nonbonded.h"

template <bool ENERGY> static __attribute__((noinline)) void forces(const System &m, State &s) {
    for (int k = 0; k < 3 * m.n_atoms; k++) s.f[k] = splat(0);
    bonds<ENERGY>(m, s);
    angles<ENERGY>(m, s);
    torsions<ENERGY>(m, s);
    pairs<ENERGY>(m, s);
}

// Symmetric positive matrix as L D L^T.
template <int N> struct Factors {
    F lower[N][N], diagonal[N], inverse_diagonal[N];

    INLINE_MEMBER void factor(const Star &star, const Vector *r) {
#pragma GCC unroll 4
        for (int i = 0; i < N; i++)
#pragma GCC unroll 4
            for (int j = 0; j <= i; j++) {
                F a = dot(r[i], r[j]) * (star.inverse_centre + (i == j ? star.inverse_leaf[i] : 0.0f));
#pragma GCC unroll 4
                for (int k = 0; k < j; k++) a -= lower[i][k] * lower[j][k] * diagonal[k];
                if (i == j) {
                    diagonal[i] = a;
                    inverse_diagonal[i] = inverse(a);
                } else
                    lower[i][j] = a * inverse_diagonal[j];
            }
    }
    INLINE_MEMBER void solve(F *b) const {
#pragma GCC unroll 4
        for (int i = 1; i < N; i++)
#pragma GCC unroll 4
            for (int j = 0; j < i; j++) b[i] -= lower[i][j] * b[j];
#pragma GCC unroll 4
        for (int i = N - 1; i >= 0; i--) {
            b[i] *= inverse_diagonal[i];
#pragma GCC unroll 4
            for (int j = i + 1; j < N; j++) b[i] -= lower[j][i] * b[j];
        }
    }
};

// Take from the velocities of a star what would change its distances r.
template <int N> INLINE void keep_distances(const Star &star, const Factors<N> &factors, const Vector *r, Vector *v) {
    F b[N];
#pragma GCC unroll 4
    for (int k = 0; k < N; k++) b[k] = dot(r[k], v[k + 1] - v[0]);
    factors.solve(b);
#pragma GCC unroll 4
    for (int k = 0; k < N; k++) {
        Vector pull = r[k] * b[k];
        v[k + 1] = v[k + 1] - pull * star.inverse_leaf[k];
        v[0] = v[0] + pull * star.inverse_centre;
    }
}

const float TOLERANCE = 1e-6f;  // of a squared distance, relative
const int MOST_ITERATIONS = 30;

struct Kick {
    float dt;
    F keep, noise;  // of each lane: exp(-friction dt), sqrt(kT (1 - keep^2))
    float cap;      // largest speed and change of speed, nm/ps; 0 for none
};

INLINE F capped(F a, float cap) { return larger(smaller(a, splat(cap)), splat(-cap)); }
INLINE Vector capped(Vector v, float cap) { return {capped(v.x, cap), capped(v.y, cap), capped(v.z, cap)}; }

template <int N, bool CAP>
INLINE void move(const System &m, State &s, const Star &star, const Kick &kick, bool stop_drift, F *momentum) {
    Vector x[N + 1], v[N + 1], r[N ? N : 1];
    int atom[N + 1];
    float inverse_mass[N + 1];
    const Vector drift = {s.drift[0], s.drift[1], s.drift[2]};
#pragma GCC unroll 5
    for (int k = 0; k <= N; k++) {
        atom[k] = k ? star.leaf[k - 1] : star.centre;
        inverse_mass[k] = k ? star.inverse_leaf[k - 1] : star.inverse_centre;
        x[k] = get(s.x, atom[k]);
        v[k] = get(s.v, atom[k]);
        if (stop_drift) v[k] = v[k] - drift;
        Vector change = get(s.f, atom[k]) * (kick.dt * inverse_mass[k]);
        v[k] = v[k] + (CAP ? capped(change, kick.cap) : change);
        if (CAP) v[k] = capped(v[k], kick.cap);
    }
    Factors<N ? N : 1> factors;
    if constexpr (N > 0) {
#pragma GCC unroll 4
        for (int k = 0; k < N; k++) r[k] = x[k + 1] - x[0];
        factors.factor(star, r);
        keep_distances<N>(star, factors, r, v);
    }
    F xi[3 * N + 4];
#pragma GCC unroll 8
    for (int k = 0; k < 3 * (N + 1); k += 2) s.random->normal(xi[k], xi[k + 1]);
    const float half = 0.5f * kick.dt;
#pragma GCC unroll 5
    for (int k = 0; k <= N; k++) {
        F size = kick.noise * std::sqrt(inverse_mass[k]);
        Vector before = v[k];
        v[k] = before * kick.keep + Vector{xi[3 * k], xi[3 * k + 1], xi[3 * k + 2]} * size;
        x[k] = x[k] + (before + v[k]) * half;
    }
    if constexpr (N > 0) {
        Vector d[N], moved{};
        F sum[N];
#pragma GCC unroll 4
        for (int k = 0; k < N; k++) d[k] = x[k + 1] - x[0], sum[k] = splat(0);
        int iteration = 0;
        for (; iteration < MOST_ITERATIONS; iteration++) {
            F b[N], worst = splat(0);
#pragma GCC unroll 4
            for (int k = 0; k < N; k++) {
                F error = star.length2[k] - dot(d[k], d[k]);
                worst = larger(worst, magnitude(error) * (1.0f / star.length2[k]));
                b[k] = 0.5f * error;
            }
            if (all_larger(splat(TOLERANCE), worst)) break;
            factors.solve(b);
            Vector of_centre{};
#pragma GCC unroll 4
            for (int k = 0; k < N; k++) {
                sum[k] += b[k];
                d[k] = d[k] + r[k] * (b[k] * star.inverse_leaf[k]);
                of_centre = of_centre + r[k] * (b[k] * star.inverse_centre);
            }
#pragma GCC unroll 4
            for (int k = 0; k < N; k++) d[k] = d[k] + of_centre;
        }
        s.unconverged += iteration == MOST_ITERATIONS;
        const float rate = 1.0f / kick.dt;
#pragma GCC unroll 4
        for (int k = 0; k < N; k++) {
            Vector pull = r[k] * sum[k], of_leaf = pull * star.inverse_leaf[k];
            x[k + 1] = x[k + 1] + of_leaf;
            v[k + 1] = v[k + 1] + of_leaf * rate;
            moved = moved + pull * star.inverse_centre;
        }
        x[0] = x[0] - moved;
        v[0] = v[0] - moved * rate;
    }
#pragma GCC unroll 5
    for (int k = 0; k <= N; k++) {
        put(s.x, atom[k], x[k]);
        put(s.v, atom[k], v[k]);
        const float mass = m.mass[atom[k]];
        momentum[0] += v[k].x * mass, momentum[1] += v[k].y * mass, momentum[2] += v[k].z * mass;
    }
}

template <bool CAP> static __attribute__((noinline)) void step(const System &m, State &s, const Kick &kick) {
    F momentum[3] = {};
    const bool stop_drift = m.cm_every > 0 && s.steps % m.cm_every == 0;
    for (int k = 0; k < m.n_stars; k++) {
        const Star &star = m.stars[k];
        switch (star.n) {
        case 0: move<0, CAP>(m, s, star, kick, stop_drift, momentum); break;
        case 1: move<1, CAP>(m, s, star, kick, stop_drift, momentum); break;
        case 2: move<2, CAP>(m, s, star, kick, stop_drift, momentum); break;
        case 3: move<3, CAP>(m, s, star, kick, stop_drift, momentum); break;
        default: move<4, CAP>(m, s, star, kick, stop_drift, momentum); break;
        }
    }
    for (int k = 0; k < 3; k++) s.drift[k] = momentum[k] * (1.0f / m.total_mass);
    s.steps++;
}

template <int N> INLINE void keep_distances_at(const Star &star, const State &s, F *velocity) {
    Vector r[N], v[N + 1] = {get(velocity, star.centre)};
    for (int k = 0; k < N; k++) {
        r[k] = get(s.x, star.leaf[k]) - get(s.x, star.centre);
        v[k + 1] = get(velocity, star.leaf[k]);
    }
    Factors<N> factors;
    factors.factor(star, r);
    keep_distances<N>(star, factors, r, v);
    put(velocity, star.centre, v[0]);
    for (int k = 0; k < N; k++) put(velocity, star.leaf[k], v[k + 1]);
}
INLINE void keep_all_distances(const System &m, const State &s, F *velocity) {
    for (int k = 0; k < m.n_stars; k++) {
        const Star &star = m.stars[k];
        if (star.n == 1) keep_distances_at<1>(star, s, velocity);
        if (star.n == 2) keep_distances_at<2>(star, s, velocity);
        if (star.n == 3) keep_distances_at<3>(star, s, velocity);
        if (star.n == 4) keep_distances_at<4>(star, s, velocity);
    }
}
INLINE void centre(const System &m, State &s) {
    F mean[3] = {};
    for (int i = 0; i < m.n_atoms; i++)
        for (int k = 0; k < 3; k++) mean[k] += s.x[3 * i + k] * (m.mass[i] / m.total_mass);
    for (int i = 0; i < m.n_atoms; i++)
        for (int k = 0; k < 3; k++) s.x[3 * i + k] -= mean[k];
}
