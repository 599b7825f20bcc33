"""Torsions as a jump process between wells: what jumps together, rates from counts and a prior, and the kernel.

A mover is a torsion, or all torsions of a ring system, which can only change together. Its wells i have the shares
pi_i, and its rates k_ij obey detailed balance, k_ij = c_ij / pi_i with c_ij = c_ji. Of simulations that spent the time
T_i in well i and went N_ij times from i to j, and of a prior Gamma(b, b / c0_ij) on each c_ij, the mean afterwards is

    (C1)  c_ij = (N_ij + N_ji + b) / (T_i / pi_i + T_j / pi_j + b / c0_ij),      c0_ij = pi_i pi_j / tau

with tau the time that the class of the bond has (`chemistry.torsion_times`): with these c0 the prior's torsion forgets
its well with the time tau. b = a / (W - 1) for W wells, so that the prior counts as a jumps out of a well. a = .75
makes the logarithm of the rate between two wells uncertain by 1.5, as far as times by class are wrong
(benchmarks/LOG.md, entry 27). After t, wells follow from each other by

    (C2)  K(t) = exp(Q t),      Q_ij = k_ij,   Q_ii = - sum of the others

The frames' own shares g_i are a model's. Simulations correct them where they jumped: pi, but for a factor, is where

    (C5)  - sum over i < j of (N_ij + N_ji) ln(T_i / pi_i + T_j / pi_j)  -  sum over i, j of N_ij ln pi_i
          - sum over i of ln(pi_i / g_i)^2 / (2 s^2)

is largest. Without its last sum that is the logarithm of the jumps' likelihood with the most likely c; wells between
which nothing jumped tell nothing. s says how far the logarithm of a share of the frames is off. `weights` of frames
then give every mover these shares, in the nearest way to weights that are all the same (iterative proportional
fitting), so that what frames know of the movers together stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.wells import settled_wells
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.wells import well_ends, well_indices

PRIOR_SHAPE = 0.75
SHARE_SPREAD = 0.5
"""s of C5."""
UNSEEN, OFTEN = 0.5, 0.01
"""Frames of the pool that a well counts as which only simulations visited, and the share of theirs that it then has."""
LEAST = 1e-12
"""Probability that stands for none."""
ITERATIONS, NEAR = 200, 1e-6
"""Of C5 and of the weights, and the relative change that ends them."""


@dataclass(frozen=True)
class Mover:
    """Torsions that jump together, and how.

    Attributes
    ----------
    torsions : tuple of int
        Rows of `torsion_quadruples`.
    wells : int64 [F]
        Well of each frame of the pool.
    shares : float64 [W]
        Of the wells: pi of C1.
    rates : float64 [W, W]
        Q of C2, 1/ps.
    jumps : int
        Jumps that were counted.
    prior_ps : float
        tau of C1.
    paths : tuple of int64 [T]
        Wells of simulated replicas, in which a boundary that is only touched is not crossed.
    """

    torsions: tuple[int, ...]
    wells: np.ndarray
    shares: np.ndarray
    rates: np.ndarray
    jumps: int
    prior_ps: float
    paths: tuple[np.ndarray, ...] = ()

    @property
    def time_ps(self) -> float:
        """The slowest relaxation time of the jump process; 0 of a single well."""
        if len(self.shares) < 2:
            return 0.0
        return float(-1 / np.sort(np.linalg.eigvals(self.rates).real)[-2])

    def kernel(self, lag_ps: float) -> np.ndarray:
        """K of (C2): float64 [W, W], rows sum to 1."""
        from scipy.linalg import expm

        found = np.clip(expm(self.rates * lag_ps), LEAST, None)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def together(molecule: Molecule) -> list[list[int]]:
    """Rows of `torsion_quadruples` by mover: each torsion of a chain, and all within one system of fused rings."""
    systems: list[set[int]] = []
    for ring in molecule.heavy_mol.GetRingInfo().AtomRings():
        joined = set(ring)
        for other in [each for each in systems if len(each & joined) > 1]:
            joined |= other
            systems.remove(other)
        systems.append(joined)
    movers: dict[tuple[str, int], list[int]] = {}
    for row, atoms in enumerate(torsion_quadruples(molecule).tolist()):
        ring = next((k for k, system in enumerate(systems) if set(atoms) <= system), None)
        movers.setdefault(("torsion", row) if ring is None else ("ring", ring), []).append(row)
    return list(movers.values())


def movers(
    molecule: Molecule,
    pool: np.ndarray,
    simulated: Sequence[np.ndarray],
    simulated_ps: float,
    prior_ps: np.ndarray,
    shape: float | np.ndarray = PRIOR_SHAPE,
    spread: float = SHARE_SPREAD,
) -> list[Mover]:
    """Everything of a molecule that jumps: movers with more than one well in the pool and the simulations.

    A well that only simulations visited has the share of `UNSEEN` frames of the pool.

    Parameters
    ----------
    pool : float64 [F, K]
        Torsions (`torsion_quadruples`), radians, of the frames whose wells are wanted.
    simulated : sequence of float64 [T, K]
        Torsions of replicas with frames `simulated_ps` apart; none leaves the prior.
    prior_ps : float64 [K]
        tau of each torsion; a ring system takes its slowest.
    shape : float or float64 [K]
        a of C1, of all torsions or of each of them.
    spread : float
        s of C5; 0 leaves the shares of the pool.
    """
    shapes = np.broadcast_to(shape, prior_ps.shape)
    every = np.concatenate([pool, *(_as_many(np.concatenate(list(simulated)), len(pool)),)]) if simulated else pool
    found = []
    for rows in together(molecule):
        ends = [well_ends(every[:, k]) for k in rows]
        codes = _joint([well_indices(pool[:, k], e) for k, e in zip(rows, ends, strict=True)], ends)
        settled = [
            _joint([settled_wells(x[:, k], e) for k, e in zip(rows, ends, strict=True)], ends) for x in simulated
        ]  # fmt: skip
        names = np.union1d(codes, _often(settled))
        if len(names) < 2:
            continue
        wells, paths = np.searchsorted(names, codes), [_of_names(path, names) for path in settled]
        counts, spent = counted(paths, len(names), simulated_ps)
        slowest = rows[int(np.argmax(prior_ps[rows]))]
        tau, a = float(prior_ps[slowest]), float(shapes[slowest])
        seen = np.maximum(np.bincount(wells, minlength=len(names)), UNSEEN)
        shares = seen / seen.sum()
        if spread:
            shares = corrected_shares(shares, counts, spent, spread)
        rates = jump_rates(shares, counts, spent, tau, a)
        found.append(Mover(tuple(rows), wells, shares, rates, int(counts.sum()), tau, tuple(paths)))
    return found


def jump_rates(
    shares: np.ndarray, counts: np.ndarray, spent_ps: np.ndarray, prior_ps: float, shape: float = PRIOR_SHAPE
) -> np.ndarray:
    """Q of (C2) by (C1): float64 [W, W], 1/ps.

    Parameters
    ----------
    shares : float64 [W]
        All positive.
    counts : [W, W]
        Jumps from each well to each other.
    spent_ps : float64 [W]
        Time in each well.
    """
    weight, each = spent_ps / shares, shape / (len(shares) - 1)
    conductance = (counts + counts.T + each) / (
        weight[:, None] + weight[None, :] + each * prior_ps / np.outer(shares, shares)
    )
    np.fill_diagonal(conductance, 0.0)
    rates = conductance / shares[:, None]
    return np.asarray(rates - np.diag(rates.sum(axis=1)))


def corrected_shares(
    own: np.ndarray, counts: np.ndarray, spent_ps: np.ndarray, spread: float = SHARE_SPREAD
) -> np.ndarray:
    """pi of (C5): float64 [W], of the shares `own` [W] of the frames; else as `jump_rates`."""
    start = np.log(own)
    now, left = start.copy(), counts.sum(axis=1)
    pairs = counts + counts.T
    for _ in range(ITERATIONS):  # Newton's method: C5 is concave
        waiting = spent_ps * np.exp(-now)
        sums = waiting[:, None] + waiting[None, :]
        parts = waiting[:, None] / np.where(sums > 0, sums, 1.0)  # T_i / pi_i in the sum of both
        slope = (pairs * parts).sum(axis=1) - left - (now - start) / spread**2
        bent = pairs * parts * parts.T
        steps = np.linalg.solve(np.diag(bent.sum(axis=1) + 1 / spread**2) - bent, slope)
        now = now + steps * min(1.0, 1.0 / max(LEAST, np.abs(steps).max()))
        if np.abs(steps).max() < NEAR:
            break
    return np.asarray(np.exp(now) / np.exp(now).sum())


def weights(movers: Sequence[Mover], wells: np.ndarray) -> np.ndarray:
    """Weights of frames with the `wells` [F, M] of the movers that give each its shares: float64 [F], they sum to 1."""
    found = np.full(len(wells), 1 / len(wells))
    for _ in range(ITERATIONS):
        before = found.copy()
        for m, mover in enumerate(movers):
            now = np.bincount(wells[:, m], found, len(mover.shares))
            found = found * (mover.shares / np.maximum(now, LEAST))[wells[:, m]]
        if np.abs(found - before).max() < NEAR * found.max():
            break
    return found / found.sum()


def _joint(wells: Sequence[np.ndarray], ends: Sequence[np.ndarray]) -> np.ndarray:
    """One number for the wells [T] of several torsions together."""
    code = np.zeros(len(wells[0]), dtype=np.int64)
    for each, places in zip(wells, ends, strict=True):
        code = code * max(1, len(places)) + each
    return code


def _often(paths: Sequence[np.ndarray]) -> np.ndarray:
    """Codes that have `OFTEN` of the frames of all paths, and the one that each path has most often: int64."""
    if not paths:
        return np.empty(0, dtype=np.int64)
    codes, counts = np.unique(np.concatenate(list(paths)), return_counts=True)
    most = [found[np.argmax(times)] for found, times in (np.unique(path, return_counts=True) for path in paths)]
    return np.union1d(codes[counts >= OFTEN * counts.sum()], most)


def _of_names(path: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Numbers of the codes [T] among `names`, of which the path has one; others count to the one before: int64 [T]."""
    known = np.isin(path, names)
    last = np.maximum.accumulate(np.where(known, np.arange(len(path)), -1))
    return np.searchsorted(names, path[np.where(last < 0, int(known.argmax()), last)])


def counted(paths: Sequence[np.ndarray], n_wells: int, frame_ps: float) -> tuple[np.ndarray, np.ndarray]:
    """Jumps [W, W] between wells in paths int64 [T] and time in each [W], ps."""
    counts, spent = np.zeros((n_wells, n_wells)), np.zeros(n_wells)
    for path in paths:
        spent += frame_ps * np.bincount(path, minlength=n_wells)
        np.add.at(counts, (path[:-1], path[1:]), 1)
    np.fill_diagonal(counts, 0.0)
    return counts, spent


def _as_many(values: np.ndarray, count: int) -> np.ndarray:
    """About `count` rows of values, evenly."""
    return values[:: max(1, len(values) // count)]
