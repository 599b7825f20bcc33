// What `System` and `State` of system.py are in memory. Units: nm, ps, amu, kJ/mol, e.
#pragma once
#include "vectors.h"

struct Pair {
    int32_t j;       // partner; the first atom is that of the row
    float far2;      // beyond this squared distance, nm^2, the series in (s/r)^2 holds
    float coulomb;   // k q_i q_j, of exceptions their own
    float lj12;      // 12 * 4 eps sigma^12
    float lj6;       // 6 * 4 eps sigma^6
    float born;      // -k (1/eps_solute - 1/eps_solvent) q_i q_j
};
struct Bond {
    int32_t i, j;
    float length, constant;
};
struct Angle {
    int32_t i, j, k;  // j in the middle
    float angle, constant;
};
// A bond j-k that torsions turn about; `ends` are substituents of j, then of k.
struct Axis {
    int32_t j, k, first_end, n_left, n_ends, first_torsion, n_torsions;
};
// E = sum over n of c_n cos(n phi) + s_n sin(n phi), and a constant; of substituents `left` and `right` of its axis.
struct Torsion {
    int32_t left, right, highest;
    float constant, c[6], s[6];
};
// An atom and the hydrogens at fixed distances from it.
struct Star {
    int32_t centre, n, leaf[4];
    float length2[4], inverse_centre, inverse_leaf[4];
};
struct System {
    int32_t n_atoms, n_bonds, n_angles, n_axes, n_stars, has_born, cm_every;
    float born_scale, surface, total_mass;
    const float *mass, *charge, *radius, *offset, *scaled;  // [n_atoms]; offset = radius - .009 nm
    const Pair *pairs;
    const int32_t *rows;  // [n_atoms][5]: where the pairs of atom i begin, by class, and where they end
    const Bond *bonds;
    const Angle *angles;
    const Axis *axes;
    const int32_t *ends;
    const Torsion *torsions;
    const Star *stars;
};
// Classes of a row's pairs: whether they have Coulomb and Lennard-Jones terms, and whether both atoms are of one Born type.
enum { FULL_SAME, FULL, BORN_SAME, BORN, END };

struct State {
    F *x, *v, *f;                              // [n_atoms][3]
    F *sum, *born, *inverse_born, *slope, *g;  // [n_atoms]
    F *scratch;                                // [n_pairs][4]: r^2, force scalar, slopes of the two Born sums
    F *energy;                                 // [6]: bond, angle, torsion, pair, Born, surface
    F *drift;                                  // [3]: velocity of the centre of mass
    Random *random;
    int64_t steps, unconverged, current;  // current: whether `f` belongs to `x`
};
