"""An OpenMM System as the flat arrays that the engine works on (`system.h`)."""

from __future__ import annotations

import ctypes
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from eginterpolator.simulation.engines.base import Unsupported
from eginterpolator.simulation.engines.lanes.approximations import FAR_LIMIT

COULOMB = 138.93545764438198
"""1 / (4 pi eps_0) in kJ mol^-1 nm e^-2, as OpenMM has it."""
OFFSET_NM = 0.009
"""Between a Born radius and its offset radius."""
MAX_ATOMS = 150
"""Above this many atoms a step of 16 replicas no longer fits a core's caches, and OpenMM has cutoffs and threads."""
MAX_PERIOD, MAX_ENDS, MAX_LEAVES = 6, 12, 4
CLASSES = 4

_I, _F = "<i4", "<f4"
PAIR = np.dtype([("j", _I), ("far2", _F), ("coulomb", _F), ("lj12", _F), ("lj6", _F), ("born", _F)])
BOND = np.dtype([("i", _I), ("j", _I), ("length", _F), ("constant", _F)])
ANGLE = np.dtype([("i", _I), ("j", _I), ("k", _I), ("angle", _F), ("constant", _F)])
AXIS = np.dtype([(name, _I) for name in ("j", "k", "first_end", "n_left", "n_ends", "first_torsion", "n_torsions")])
TORSION = np.dtype(
    [("left", _I), ("right", _I), ("highest", _I), ("constant", _F), ("c", _F, MAX_PERIOD), ("s", _F, MAX_PERIOD)]
)
STAR = np.dtype(
    [
        ("centre", _I), ("n", _I), ("leaf", _I, MAX_LEAVES), ("length2", _F, MAX_LEAVES), ("inverse_centre", _F),
        ("inverse_leaf", _F, MAX_LEAVES),
    ]
)  # fmt: skip
_COUNTS = ("n_atoms", "n_bonds", "n_angles", "n_axes", "n_stars", "has_born", "cm_every")
_NUMBERS = ("born_scale", "surface", "total_mass")
_ARRAYS = (
    "mass", "charge", "radius", "offset", "scaled", "pairs", "rows", "bonds", "angles", "axes", "ends", "torsions",
    "stars",
)  # fmt: skip


class CSystem(ctypes.Structure):
    """`System` of system.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in _COUNTS),
        *((name, ctypes.c_float) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


@dataclass(frozen=True)
class LaneSystem:
    """The parameters of a molecule, for any number of engines.

    Attributes
    ----------
    numbers : dict of str to float
        What `System` of system.h has beside its arrays.
    arrays : dict of str to numpy.ndarray
        Its arrays, by name; units nm, ps, amu, kJ/mol, e.
    n_freedom : int
        Degrees of freedom of one replica.
    """

    numbers: dict[str, float]
    arrays: dict[str, np.ndarray]
    n_freedom: int

    @property
    def n_atoms(self) -> int:
        """Atoms of one replica."""
        return int(self.numbers["n_atoms"])

    @property
    def n_pairs(self) -> int:
        """Pairs of atoms of one replica."""
        return len(self.arrays["pairs"])

    def structure(self) -> CSystem:
        """The structure for the library; it points into `arrays`."""
        pointers = {name: self.arrays[name].ctypes.data for name in _ARRAYS}
        numbers = {name: int(self.numbers[name]) for name in _COUNTS} | {name: self.numbers[name] for name in _NUMBERS}
        return CSystem(**numbers, **pointers)


def lane_system(system: Any, vacuum: bool = False) -> LaneSystem:
    """Read an OpenMM System of one molecule without cutoffs.

    Parameters
    ----------
    system : openmm.System
        Harmonic bonds and angles, periodic torsions, a NonbondedForce with exceptions, a GBSAOBCForce or none, distance
        constraints of hydrogens, a remover of the centre of mass's motion.
    vacuum : bool
        Leave the GBSAOBCForce out.

    Raises
    ------
    Unsupported
        For anything else.
    """
    n = system.getNumParticles()
    if n > MAX_ATOMS:
        raise Unsupported(f"it has {n} atoms, more than {MAX_ATOMS}")
    mass = np.array([system.getParticleMass(i)._value for i in range(n)])
    if (mass <= 0).any():
        raise Unsupported("it has particles without mass")
    parts: dict[str, Any] = {}
    for force in system.getForces():
        name = type(force).__name__
        if name in parts:
            raise Unsupported(f"it has two forces of the kind {name}")
        if name not in _KNOWN:
            raise Unsupported(f"it has a force of the kind {force.getName()}")
        parts[name] = force
    if "NonbondedForce" not in parts:
        raise Unsupported("it has no NonbondedForce")
    born = None if vacuum else parts.get("GBSAOBCForce")
    for force in (parts["NonbondedForce"], *([born] if born is not None else [])):
        if force.getNonbondedMethod() != force.NoCutoff:
            raise Unsupported("its forces have a cutoff")
    axes, ends, torsions = _torsions(parts.get("PeriodicTorsionForce"))
    arrays = {
        "mass": mass.astype(np.float32),
        **_born_atoms(born, n),
        "bonds": _bonds(parts.get("HarmonicBondForce")),
        "angles": _angles(parts.get("HarmonicAngleForce")),
        "axes": axes,
        "ends": ends,
        "torsions": torsions,
        "stars": _stars(system, mass),
    }
    scale = 0.0 if born is None else COULOMB * (1 / born.getSolventDielectric() - 1 / born.getSoluteDielectric())
    arrays |= _pairs(parts["NonbondedForce"], arrays, scale)
    remover = parts.get("CMMotionRemover")
    numbers = {
        "n_atoms": n,
        "n_bonds": len(arrays["bonds"]),
        "n_angles": len(arrays["angles"]),
        "n_axes": len(axes),
        "n_stars": len(arrays["stars"]),
        "has_born": int(born is not None),
        "cm_every": remover.getFrequency() if remover is not None else 0,
        "born_scale": scale,
        "surface": 0.0 if born is None else 4 * math.pi * born.getSurfaceAreaEnergy()._value,
        "total_mass": float(mass.sum()),
    }
    freedom = 3 * n - system.getNumConstraints() - 3 * (remover is not None)
    return LaneSystem(numbers, {name: np.ascontiguousarray(arrays[name]) for name in _ARRAYS}, freedom)


_KNOWN = (
    "HarmonicBondForce", "HarmonicAngleForce", "PeriodicTorsionForce", "NonbondedForce", "GBSAOBCForce",
    "CMMotionRemover",
)  # fmt: skip


def _bonds(force: Any) -> np.ndarray:
    rows = [] if force is None else [force.getBondParameters(k) for k in range(force.getNumBonds())]
    return np.array([(i, j, r._value, k._value) for i, j, r, k in rows if k._value], dtype=BOND)


def _angles(force: Any) -> np.ndarray:
    rows = [] if force is None else [force.getAngleParameters(k) for k in range(force.getNumAngles())]
    return np.array([(i, j, k, t._value, c._value) for i, j, k, t, c in rows if c._value], dtype=ANGLE)


def _torsions(force: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes, their substituents, and torsions in the order of the axes.

    k (1 + cos(n phi - delta)) = k + k cos(delta) cos(n phi) + k sin(delta) sin(n phi); the terms of the same four atoms
    are summed.
    """
    by_axis: dict[tuple[int, int], dict[tuple[int, int], np.ndarray]] = defaultdict(dict)
    for index in range(0 if force is None else force.getNumTorsions()):
        i, j, k, end, period, phase, constant = force.getTorsionParameters(index)
        size, delta = constant._value, phase._value
        if not size:
            continue
        if period > MAX_PERIOD:
            raise Unsupported(f"it has a torsion of period {period}")
        if j > k:
            i, j, k, end = end, k, j, i
        terms = by_axis[j, k].setdefault((i, end), np.zeros((2, MAX_PERIOD + 1)))
        terms[0, 0] += size
        terms[0, period] += size * math.cos(delta)
        terms[1, period] += size * math.sin(delta)
    axes: list[tuple[int, ...]] = []
    ends: list[int] = []
    torsions: list[tuple[Any, ...]] = []
    for (j, k), members in sorted(by_axis.items()):
        left, right = sorted({i for i, _ in members}), sorted({end for _, end in members})
        if len(left) + len(right) > MAX_ENDS:
            raise Unsupported(f"it has a bond with more than {MAX_ENDS} substituents")
        axes.append((j, k, len(ends), len(left), len(left) + len(right), len(torsions), len(members)))
        ends += left + right
        for (i, end), (c, s) in members.items():
            used = np.flatnonzero((np.abs(c[1:]) > 1e-9) | (np.abs(s[1:]) > 1e-9))
            highest = 1 + int(used.max(initial=0))
            torsions.append((left.index(i), len(left) + right.index(end), highest, c[0], c[1:], s[1:]))
    return np.array(axes, dtype=AXIS), np.array(ends, dtype=_I), np.array(torsions, dtype=TORSION)


def _born_atoms(force: Any, n: int) -> dict[str, np.ndarray]:
    rows = np.zeros((n, 3))
    if force is not None:
        values = [force.getParticleParameters(i) for i in range(n)]
        rows = np.array([[getattr(value, "_value", value) for value in row] for row in values])
    charge, radius, scale = rows.T
    offset = radius - OFFSET_NM
    scaled = offset * scale
    if force is not None and scaled.max() - offset.min() > 0.06:
        raise Unsupported("it has an atom that may lie inside of another's sphere")
    named = {"charge": charge, "radius": radius, "offset": offset, "scaled": scaled}
    return {name: values.astype(np.float32) for name, values in named.items()}


def _pairs(force: Any, atoms: dict[str, np.ndarray], born_scale: float) -> dict[str, np.ndarray]:
    """Pairs of each atom with later ones, sorted by class, and where the classes begin; see `system.h`."""
    n = force.getNumParticles()
    if force.getNumParticleParameterOffsets() or force.getNumExceptionParameterOffsets():
        raise Unsupported("its NonbondedForce has parameter offsets")
    particles = np.array([[value._value for value in force.getParticleParameters(i)] for i in range(n)])
    charge, sigma, epsilon = particles.T
    exceptions = {}
    for k in range(force.getNumExceptions()):
        i, j, product, size, depth = force.getExceptionParameters(k)
        exceptions[min(i, j), max(i, j)] = (product._value, size._value, depth._value)
    offset, scaled, own = (atoms[name].astype(np.float64) for name in ("offset", "scaled", "charge"))
    pairs: list[tuple[float, ...]] = []
    rows = np.zeros((n, CLASSES + 1), dtype=_I)
    for i in range(n):
        classes: list[list[tuple[float, ...]]] = [[] for _ in range(CLASSES)]
        for j in range(i + 1, n):
            product, size, depth = exceptions.get(
                (i, j), (charge[i] * charge[j], (sigma[i] + sigma[j]) / 2, math.sqrt(epsilon[i] * epsilon[j]))
            )
            nothing = product == 0 and depth == 0
            if nothing and not born_scale:
                continue
            same = offset[i] == offset[j] and scaled[i] == scaled[j]
            outside = max(scaled[i] + offset[j], scaled[j] + offset[i])  # there L = r - s for both
            far = max(outside, scaled[i] / FAR_LIMIT, scaled[j] / FAR_LIMIT)
            lj = 24 * depth * size**6
            row = (j, far**2, COULOMB * product, 2 * lj * size**6, lj, born_scale * own[i] * own[j])
            classes[2 * nothing + (not same)].append(row)
        for index, members in enumerate(classes):
            rows[i, index] = len(pairs)
            pairs += members
        rows[i, CLASSES] = len(pairs)
    return {"pairs": np.array(pairs, dtype=PAIR), "rows": rows}


def _stars(system: Any, mass: np.ndarray) -> np.ndarray:
    """Every atom in one star: those that fixed distances tie to one atom with it, others alone."""
    tied: dict[int, dict[int, float]] = defaultdict(dict)
    for k in range(system.getNumConstraints()):
        i, j, distance = system.getConstraintParameters(k)
        tied[i][j] = tied[j][i] = distance._value
    stars, placed = [], set()
    for atom in sorted(range(len(mass)), key=lambda i: (-len(tied[i]), i)):
        if atom in placed:
            continue
        leaves = tied[atom]
        if len(leaves) > MAX_LEAVES or any(len(tied[leaf]) > 1 for leaf in leaves):
            raise Unsupported("its constraints are not those of hydrogens")
        fill = [0] * (MAX_LEAVES - len(leaves))
        lengths = [distance**2 for distance in leaves.values()]
        inverse = [1 / mass[leaf] for leaf in leaves]
        stars.append(
            (atom, len(leaves), [*leaves, *fill], [*lengths, *[1.0] * len(fill)], 1 / mass[atom], [*inverse, *fill])
        )
        placed |= {atom, *leaves}
    return np.array(sorted(stars, key=lambda star: star[0]), dtype=STAR)
