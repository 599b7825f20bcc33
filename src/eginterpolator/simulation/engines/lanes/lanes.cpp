// The functions that engine.py calls. All memory is the caller's; see system.py for its layout.
#include "dynamics.h"

extern "C" {

int lanes() { return LANES; }

// Forces into s->f; energies by term into s->energy where they are wanted.
void lanes_forces(const System *m, State *s, int energy) {
    if (energy) forces<true>(*m, *s);
    else forces<false>(*m, *s);
    s->current = 1;
}

// Hydrogens onto their distances, along the bonds that they have; centre of mass at the origin.
void lanes_settle(const System *m, State *s) {
    for (int k = 0; k < m->n_stars; k++)
        for (int leaf = 0; leaf < m->stars[k].n; leaf++) {
            const Star &star = m->stars[k];
            Vector c = get(s->x, star.centre), d = get(s->x, star.leaf[leaf]) - c;
            put(s->x, star.leaf[leaf], c + d * (inverse_root(dot(d, d)) * std::sqrt(star.length2[leaf])));
        }
    centre(*m, *s);
    s->current = 0;
}

// Velocities of each lane's kT; those along fixed distances are taken out.
void lanes_velocities(const System *m, State *s, const float *kT) {
    F heat;
    std::memcpy(&heat, kT, sizeof heat);
    heat = heat * inverse_root(larger(heat, splat(1e-20f)));
    F xi[2];
    for (int k = 0; k < 3 * m->n_atoms; k++) {
        if (k % 2 == 0) s->random->normal(xi[0], xi[1]);
        s->v[k] = xi[k % 2] * heat * (1.0f / std::sqrt(m->mass[k / 3]));
    }
    keep_all_distances(*m, *s, s->v);
    for (int k = 0; k < 3; k++) s->drift[k] = splat(0);
    for (int i = 0; i < m->n_atoms; i++)
        for (int k = 0; k < 3; k++) s->drift[k] += s->v[3 * i + k] * (m->mass[i] / m->total_mass);
}

// `n` steps; with kick->cap > 0 kicks and speeds are capped, for starts that are far from a minimum. At the end the centre
// of mass is at the origin, and forces and energies are those of the last positions.
void lanes_run(const System *m, State *s, const Kick *kick, int64_t n) {
    if (!s->current) forces<false>(*m, *s);
    for (int64_t k = 0; k < n; k++) {
        if (kick->cap > 0) step<true>(*m, *s, *kick);
        else step<false>(*m, *s, *kick);
        if (k + 1 < n) forces<false>(*m, *s);
    }
    centre(*m, *s);
    forces<true>(*m, *s);
    s->current = 1;
}

// Kinetic energy of each lane, kJ/mol, as OpenMM has it: of velocities that keep the distances. `work` is [n_atoms][3].
void lanes_kinetic(const System *m, State *s, F *work, float *kinetic) {
    std::memcpy(work, s->v, sizeof(F) * 3 * m->n_atoms);
    keep_all_distances(*m, *s, work);
    F energy = splat(0);
    for (int i = 0; i < m->n_atoms; i++) energy += 0.5f * m->mass[i] * dot(get(work, i), get(work, i));
    std::memcpy(kinetic, &energy, sizeof energy);
}

void lanes_normal(State *s, float *out, int64_t pairs) {
    for (int64_t k = 0; k < pairs; k++) {
        F a, b;
        s->random->normal(a, b);
        std::memcpy(out + 2 * k * LANES, &a, sizeof a);
        std::memcpy(out + (2 * k + 1) * LANES, &b, sizeof b);
    }
}
}
