// Coulomb and Lennard-Jones terms of all pairs, and the solvent by Onufriev, Bashford and Case (OBC2; Proteins 55 (2004) 383)
// with a surface term, as OpenMM's GBSAOBCForce has them.
//
// Born sums (Hawkins, Cramer and Truhlar 1996): atom j, of scaled radius s, adds to the sum of atom i, of offset radius R,
//   H = 1/L - 1/U + (r - s^2/r) (1/U^2 - 1/L^2) / 4 + ln(L/U) / (2 r),   L = max(R, r - s), U = r + s.
// Where L = r - s, with t = s/r: H = (t/(1 - t^2) - artanh t) / r, a series in t^2.
#pragma once
#include "system.h"

struct Descreening {
    F term, slope;  // H, and dH/dr / r
};

INLINE Descreening descreened_near(F r, F inverse_r, F inverse_r2, float R, float s) {
    F upper = r + s, lower = larger(r - s, splat(R));
    F both = inverse(lower * upper), inverse_l = upper * both, inverse_u = lower * both;
    F z = (upper - lower) * inverse(upper + lower), half_log = -(z * polynomial(ATANH, z * z));  // ln(L/U) / 2
    F difference = inverse_l - inverse_u, squares = -difference * (inverse_l + inverse_u);
    return {difference + (0.25f * r - inverse_r * (0.25f * s * s)) * squares + inverse_r * half_log,
            inverse_r * ((0.25f + inverse_r2 * (0.25f * s * s)) * squares - inverse_r2 * half_log)};
}
INLINE Descreening descreened_far(F inverse_r2, float s) {
    F u = inverse_r2 * (s * s), third = inverse_r2 * inverse_r2 * (s * s * s);
    return {third * polynomial(FAR, u), third * inverse_r2 * polynomial(FAR_SLOPE, u)};
}

template <int CLASS> INLINE void first_pass(const System &m, State &s, int i, Vector xi, F &sum, int p) {
    const bool full = CLASS == FULL_SAME || CLASS == FULL, same = CLASS == FULL_SAME || CLASS == BORN_SAME;
    const Pair &pair = m.pairs[p];
    const int j = pair.j;
    F *out = s.scratch + 4 * p;
    Vector d = xi - get(s.x, j);
    F r2 = dot(d, d), inverse_r = inverse_root(r2), inverse_r2 = inverse_r * inverse_r;
    out[0] = r2;
    out[1] = splat(0);
    if (full) {
        F sixth = inverse_r2 * inverse_r2 * inverse_r2;
        out[1] = (pair.coulomb * inverse_r + (pair.lj12 * sixth - pair.lj6) * sixth) * inverse_r2;
    }
    if (!m.has_born) return;
    Descreening of_i, of_j;
    if (all_larger(r2, splat(pair.far2))) {
        of_i = descreened_far(inverse_r2, m.scaled[j]);
        of_j = same ? of_i : descreened_far(inverse_r2, m.scaled[i]);
    } else {
        F r = r2 * inverse_r;
        of_i = descreened_near(r, inverse_r, inverse_r2, m.offset[i], m.scaled[j]);
        of_j = same ? of_i : descreened_near(r, inverse_r, inverse_r2, m.offset[j], m.scaled[i]);
    }
    sum += of_i.term;
    s.sum[j] += of_j.term;
    out[2] = of_i.slope;
    if (!same) out[3] = of_j.slope;
}

// Born radii B: 1/B = 1/R - tanh(psi - .8 psi^2 + 4.85 psi^3) / radius with psi = R sum / 2; dB/dsum in `slope`; terms of
// single atoms.
template <bool ENERGY> INLINE void born_radii(const System &m, State &s) {
    F self = splat(0), surface = splat(0);
    for (int i = 0; i < m.n_atoms; i++) {
        const float R = m.offset[i], inverse_radius = 1.0f / m.radius[i];
        F psi = s.sum[i] * (0.5f * R), argument = psi * (1.0f + psi * (4.85f * psi - 0.8f));
        F tanh = 1.0f - 2.0f * inverse(exp2(smaller(argument, splat(20)) * 2.88539008178f) + 1.0f);
        F inverse_b = 1.0f / R - tanh * inverse_radius, b = inverse(inverse_b);
        s.born[i] = b;
        s.inverse_born[i] = inverse_b;
        s.slope[i] = b * b * (1.0f - tanh * tanh) * (1.0f + psi * (14.55f * psi - 1.6f)) * (0.5f * R * inverse_radius);
        const float probe = m.radius[i] + 0.14f, charge = m.born_scale * m.charge[i] * m.charge[i];
        F ratio = inverse_b * m.radius[i], third = ratio * ratio * ratio, area = third * third * (m.surface * probe * probe);
        s.g[i] = -inverse_b * (0.5f * charge * inverse_b + 6.0f * area);  // dE/dB
        if (ENERGY) {
            surface += area;
            self += 0.5f * charge * inverse_b;
        }
    }
    if (ENERGY) {
        s.energy[4] = self;
        s.energy[5] = surface;
    }
}

// Born energies k q_i q_j / f, f^2 = r^2 + B_i B_j exp(-r^2 / (4 B_i B_j)).
template <bool ENERGY> INLINE void second_pass(const System &m, State &s, int i, F &gi, F &energy, int p) {
    const Pair &pair = m.pairs[p];
    const int j = pair.j;
    F *out = s.scratch + 4 * p;
    F r2 = out[0], bi = s.born[i], bj = s.born[j];
    F quarter = r2 * (0.25f * s.inverse_born[i] * s.inverse_born[j]), e = exp2(quarter * -1.44269504089f);
    F inverse_f = inverse_root(r2 + bi * bj * e), term = pair.born * inverse_f, cubed = term * inverse_f * inverse_f;
    out[1] += cubed * (1.0f - 0.25f * e);
    F by_radius = -0.5f * cubed * e * (1.0f + quarter);
    gi += by_radius * bj;
    s.g[j] += by_radius * bi;
    if (ENERGY) energy += term;
}

template <int CLASS> INLINE void third_pass(const System &m, State &s, Vector xi, F ci, Vector &fi, int p) {
    const bool same = CLASS == FULL_SAME || CLASS == BORN_SAME;
    const int j = m.pairs[p].j;
    const F *out = s.scratch + 4 * p;
    F scale = out[1];
    if (m.has_born) scale -= same ? (ci + s.g[j]) * out[2] : ci * out[2] + s.g[j] * out[3];
    Vector force = (xi - get(s.x, j)) * scale;
    fi = fi + force;
    add(s.f, j, force * -1.0f);
}

INLINE F pair_energy(const System &m, const State &s) {
    F energy = splat(0);
    for (int i = 0; i < m.n_atoms; i++)
        for (int p = m.rows[5 * i]; p < m.rows[5 * i + BORN_SAME]; p++) {
            const Pair &pair = m.pairs[p];
            F inverse_r = inverse_root(s.scratch[4 * p]), sixth = inverse_r * inverse_r * inverse_r;
            sixth = sixth * sixth;
            energy += pair.coulomb * inverse_r + (pair.lj12 * (1.0f / 12) * sixth - pair.lj6 * (1.0f / 6)) * sixth;
        }
    return energy;
}

template <bool ENERGY> INLINE void pairs(const System &m, State &s) {
    if (m.has_born)
        for (int i = 0; i < m.n_atoms; i++) s.sum[i] = splat(0);
    for (int i = 0; i < m.n_atoms; i++) {
        const int32_t *row = m.rows + 5 * i;
        const Vector xi = get(s.x, i);
        F sum = splat(0);
        for (int p = row[FULL_SAME]; p < row[FULL]; p++) first_pass<FULL_SAME>(m, s, i, xi, sum, p);
        for (int p = row[FULL]; p < row[BORN_SAME]; p++) first_pass<FULL>(m, s, i, xi, sum, p);
        for (int p = row[BORN_SAME]; p < row[BORN]; p++) first_pass<BORN_SAME>(m, s, i, xi, sum, p);
        for (int p = row[BORN]; p < row[END]; p++) first_pass<BORN>(m, s, i, xi, sum, p);
        if (m.has_born) s.sum[i] += sum;
    }
    if (ENERGY) s.energy[3] = pair_energy(m, s);
    if (m.has_born) {
        born_radii<ENERGY>(m, s);
        F energy = splat(0);
        for (int i = 0; i < m.n_atoms; i++) {
            F gi = splat(0);
            for (int p = m.rows[5 * i]; p < m.rows[5 * i + END]; p++) second_pass<ENERGY>(m, s, i, gi, energy, p);
            s.g[i] += gi;
        }
        if (ENERGY) s.energy[4] += energy;
        for (int i = 0; i < m.n_atoms; i++) s.g[i] *= s.slope[i];  // dE/dsum
    }
    for (int i = 0; i < m.n_atoms; i++) {
        const int32_t *row = m.rows + 5 * i;
        const Vector xi = get(s.x, i);
        const F ci = m.has_born ? s.g[i] : splat(0);
        Vector fi{};
        for (int p = row[FULL_SAME]; p < row[FULL]; p++) third_pass<FULL_SAME>(m, s, xi, ci, fi, p);
        for (int p = row[FULL]; p < row[BORN_SAME]; p++) third_pass<FULL>(m, s, xi, ci, fi, p);
        for (int p = row[BORN_SAME]; p < row[BORN]; p++) third_pass<BORN_SAME>(m, s, xi, ci, fi, p);
        for (int p = row[BORN]; p < row[END]; p++) third_pass<BORN>(m, s, xi, ci, fi, p);
        add(s.f, i, fi);
    }
}
