// Harmonic bonds and angles, and periodic torsions.
#pragma once
#include "system.h"

template <bool ENERGY> INLINE void bonds(const System &m, State &s) {
    F energy = splat(0);
    for (int k = 0; k < m.n_bonds; k++) {
        const Bond &b = m.bonds[k];
        Vector d = get(s.x, b.j) - get(s.x, b.i);
        F r2 = dot(d, d), inverse_r = inverse_root(r2), stretch = r2 * inverse_r - b.length;
        if (ENERGY) energy += 0.5f * b.constant * stretch * stretch;
        Vector force = d * (b.constant * stretch * inverse_r);
        add(s.f, b.i, force);
        add(s.f, b.j, force * -1.0f);
    }
    if (ENERGY) s.energy[0] = energy;
}

// With p = a x c, the angle is that of sine |p| and cosine a.c; its gradient by a is a x p / (a^2 |p|).
template <bool ENERGY> INLINE void angles(const System &m, State &s) {
    F energy = splat(0);
    for (int k = 0; k < m.n_angles; k++) {
        const Angle &t = m.angles[k];
        Vector middle = get(s.x, t.j), a = get(s.x, t.i) - middle, c = get(s.x, t.k) - middle, p = cross(a, c);
        F p2 = larger(dot(p, p), splat(1e-14f)), inverse_p = inverse_root(p2);
        F bend = angle_of(p2 * inverse_p, dot(a, c)) - t.angle;
        if (ENERGY) energy += 0.5f * t.constant * bend * bend;
        F pull = bend * inverse_p * -t.constant;
        Vector on_a = cross(a, p) * (pull * inverse(dot(a, a))), on_c = cross(p, c) * (pull * inverse(dot(c, c)));
        add(s.f, t.i, on_a);
        add(s.f, t.k, on_c);
        add(s.f, t.j, (on_a + on_c) * -1.0f);
    }
    if (ENERGY) s.energy[1] = energy;
}

const int MAX_ENDS = 12;

// Every substituent of an axis has one direction across it, whichever torsions it takes part in: a unit vector (c, s) in a
// frame that turns with the molecule. A torsion is the difference of two directions, and all of its multiples are powers
// of one complex number. Torques about the axis are summed by substituent, and become forces once.
template <bool ENERGY> INLINE void torsions(const System &m, State &s) {
    F energy = splat(0);
    for (int a = 0; a < m.n_axes; a++) {
        const Axis &axis = m.axes[a];
        const int32_t *ends = m.ends + axis.first_end;
        Vector xj = get(s.x, axis.j), xk = get(s.x, axis.k), b = xk - xj;
        F inverse_b = inverse_root(dot(b, b));
        Vector along = b * inverse_b, across{}, up{};
        F c[MAX_ENDS], sn[MAX_ENDS], inverse_p[MAX_ENDS], share[MAX_ENDS], torque[MAX_ENDS];
        for (int e = 0; e < axis.n_ends; e++) {
            Vector u = get(s.x, ends[e]) - (e < axis.n_left ? xj : xk);
            F t = dot(u, along);
            share[e] = t * inverse_b;
            torque[e] = splat(0);
            if (e == 0) {
                Vector p = u - along * t;
                inverse_p[0] = inverse_root(larger(dot(p, p), splat(1e-10f)));
                across = p * inverse_p[0];
                up = cross(along, across);
                c[0] = splat(1);
                sn[0] = splat(0);
            } else {
                F px = dot(u, across), py = dot(u, up);
                inverse_p[e] = inverse_root(larger(px * px + py * py, splat(1e-10f)));
                c[e] = px * inverse_p[e];
                sn[e] = py * inverse_p[e];
            }
        }
        for (int k = axis.first_torsion; k < axis.first_torsion + axis.n_torsions; k++) {
            const Torsion &t = m.torsions[k];
            F re = c[t.left] * c[t.right] + sn[t.left] * sn[t.right];  // cos(phi)
            F im = c[t.left] * sn[t.right] - sn[t.left] * c[t.right];
            F wr = re, wi = im, slope = t.s[0] * re - t.c[0] * im;
            F value = t.constant + t.c[0] * re + t.s[0] * im;
            for (int n = 2; n <= t.highest; n++) {
                F next = wr * re - wi * im;
                wi = wr * im + wi * re;
                wr = next;
                slope += (float)n * (t.s[n - 1] * wr - t.c[n - 1] * wi);
                if (ENERGY) value += t.c[n - 1] * wr + t.s[n - 1] * wi;
            }
            if (ENERGY) energy += value;
            torque[t.left] += slope;
            torque[t.right] -= slope;
        }
        Vector on_j{}, on_k{};
        for (int e = 0; e < axis.n_ends; e++) {
            F size = torque[e] * inverse_p[e];
            Vector force = up * (c[e] * size) - across * (sn[e] * size), moved = force * share[e];
            add(s.f, ends[e], force);
            on_k = on_k - moved;
            on_j = on_j + moved;
            if (e < axis.n_left) on_j = on_j - force;
            else on_k = on_k - force;
        }
        add(s.f, axis.j, on_j);
        add(s.f, axis.k, on_k);
    }
    if (ENERGY) s.energy[2] = energy;
}
