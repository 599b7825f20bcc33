"""Hydrogens for heavy-atom trajectories: ideal local geometry, and torsions that turn as at 300 K.

Every hydrogen has the bond length of its kind and a direction built from the heavy neighbours. What the heavy atoms
leave open (a methyl's, hydroxyl's or amine's torsion, the side of a pyramidal nitrogen) is drawn for each frame from
the Boltzmann distribution of a torsional potential plus Lennard-Jones and screened Coulomb terms with the atoms
already there. Between frames the well changes by Poisson events, and inside a well the angle librates.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from eginterpolator.chemistry.hydrogen_sites import Site, hydrogen_sites, lennard_jones, partial_charges
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError

KT_KCAL = 0.0019872 * 300.0
COULOMB = 332.06  # kcal Å / mol / e²
DIELECTRIC = 4.0
LIBRATION_PS = 0.15
BEND = 0.06  # rad, of each of a hydrogen's two bends beyond what its heavy neighbours do
_BLOCK = 256


def add_hydrogens(molecule: Molecule, heavy: np.ndarray, seed: int = 0, frame_ps: float = 5.2) -> np.ndarray:
    """Put the hydrogens on heavy-atom frames.

    Parameters
    ----------
    molecule : Molecule
    heavy : float [T, n_heavy, 3]
        Å; they are not moved.
    seed : int
        The same seed gives the same bytes; a frame does not depend on those after it.
    frame_ps : float
        Time between frames, ps: how much a torsion remembers of the frame before.

    Returns
    -------
    float32 [T, n_atoms, 3]
        Å, atoms in the molecule's order.

    Raises
    ------
    InputError
        When the shape does not fit, a coordinate is not finite, or frame_ps is not positive.
    """
    heavy = np.asarray(heavy)
    if heavy.ndim != 3 or heavy.shape[1:] != (molecule.n_heavy, 3):
        raise InputError(
            f"Heavy-atom positions of shape {list(heavy.shape)} do not fit '{molecule.name}'; "
            f"give [frames, {molecule.n_heavy}, 3] in Å."
        )
    if not np.isfinite(heavy).all():
        raise InputError(f"'{molecule.name}' has frames that are not finite; hydrogens need all heavy atoms.")
    if not frame_ps > 0:
        raise InputError(f"frame_ps is {frame_ps}; give the time between frames in ps.")
    positions = np.full((len(heavy), molecule.n_atoms, 3), np.nan)
    positions[:, : molecule.n_heavy] = heavy
    charges = partial_charges(molecule)
    for site in hydrogen_sites(molecule):
        # one stream a purpose, each consumed frame by frame: no frame then depends on how many follow
        draw, twist, bend = np.random.default_rng([int(seed) % 2**63, site.atom, 17]).spawn(3)
        directions = _directions(site, positions)
        if directions.shape[1] > 1:
            directions = _drawn(molecule, site, positions, directions, charges, draw, frame_ps)
        else:
            directions = directions[:, 0]
        if site.kind == "cone" and len(site.grid) < 4:  # flat NH2, =NH, =CH2 twist out of their plane
            axis = _unit(positions[:, site.anchor] - positions[:, site.atom])
            twists = twist.standard_normal(len(heavy)).clip(-3.0, 3.0)
            directions = _rotated(directions, axis, site.twist * twists)
        directions = _bent(directions, bend)
        positions[:, site.hydrogens] = positions[:, [site.atom]] + site.length * directions
    result = positions.astype(np.float32)
    result[:, : molecule.n_heavy] = heavy.astype(np.float32)
    return result


def _directions(site: Site, positions: np.ndarray) -> np.ndarray:
    """Unit vectors to the hydrogens, [T, choices, n_hydrogens, 3]; one choice where nothing is left open."""
    centre = positions[:, site.atom]
    bonds = [_unit(positions[:, k] - centre) for k in site.neighbours]
    if site.kind == "alone":
        return np.broadcast_to(site.template, (len(centre), 1, *site.template.shape))
    if site.kind == "opposite":  # one hydrogen across from all neighbours
        return _opposite(bonds, site)[:, None, None]
    if site.kind == "pair":  # two neighbours, two hydrogens above and below their plane
        out, normal = _bisector(bonds)
        cosine, sine = np.cos(site.angle), np.sin(site.angle)
        return np.stack([cosine * out + sine * normal, cosine * out - sine * normal], axis=1)[:, None]
    if site.kind == "pyramid":  # two neighbours, one hydrogen on either side
        out, normal = _bisector(bonds)
        sides = np.array([1.0, -1.0]) if site.side == 0.0 else np.array([site.side])
        cosine, sine = np.cos(site.angle), np.sin(site.angle)
        return (cosine * out[:, None] + sine * normal[:, None] * sides[:, None])[:, :, None]
    return _cone(site, positions, bonds[0])


def _cone(site: Site, positions: np.ndarray, bond: np.ndarray) -> np.ndarray:
    """Hydrogens on a cone around the only bond, at the torsions of the site's grid [choices]."""
    inplane, normal = _reference(site, positions, bond)
    offsets = 2.0 * np.pi * np.arange(len(site.hydrogens)) / site.spread
    torsions = site.grid[:, None] + offsets
    cosine, sine = np.cos(torsions)[..., None], np.sin(torsions)[..., None]
    around = cosine * inplane[:, None, None] + sine * normal[:, None, None]
    return np.cos(site.angle) * bond[:, None, None] + np.sin(site.angle) * around


def _reference(site: Site, positions: np.ndarray, bond: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes across the bond: `inplane` towards the reference atom (torsion 0), `normal` at torsion 90 degrees."""
    if site.reference is None:
        inplane = _perpendicular(bond)
    else:
        towards = positions[:, site.reference] - positions[:, site.anchor]
        across = towards - (towards * bond).sum(-1, keepdims=True) * bond
        size = np.linalg.norm(across, axis=-1, keepdims=True)
        inplane = np.where(size > 0.1, across / np.maximum(size, 1e-9), _perpendicular(bond))
    # IUPAC sign: seen from the hydrogen's atom to the anchor, clockwise is positive.
    return inplane, np.cross(-bond, inplane)


def _drawn(
    molecule: Molecule,
    site: Site,
    positions: np.ndarray,
    directions: np.ndarray,
    charges: np.ndarray,
    rng: np.random.Generator,
    frame_ps: float,
) -> np.ndarray:
    """One of the choices for each frame, [T, n_hydrogens, 3]: a well by Poisson hops, an angle inside it.

    Equation (25) of docs/method.md.
    """
    n_frames, n_choices = directions.shape[:2]
    hop_rng, libration_rng, jitter_rng = rng.spawn(3)
    hop = _hops(hop_rng, n_frames, site.hops_per_ps * frame_ps)
    within = _librations(libration_rng, n_frames, frame_ps)
    jitter = jitter_rng.uniform(-0.5, 0.5, n_frames)
    n_wells = int(site.wells.max()) + 1
    member = site.wells[:, None] == np.arange(n_wells)
    chosen = np.empty(n_frames, dtype=np.int64)
    for first in range(0, n_frames, _BLOCK):
        part = slice(first, first + _BLOCK)
        energy = _torsion_energy(site, positions[part])
        energy = energy + _contact_energy(molecule, site, positions[part], directions[part], charges)
        if site.hops_per_ps == 0.0:  # a side that does not change: the first frame decides
            if first == 0:
                kept = int(np.argmin(energy[0]))
            chosen[part] = kept
            continue
        weight = np.exp(-(energy - energy.min(axis=1, keepdims=True)) / KT_KCAL)
        of_well = np.cumsum(weight @ member, axis=1)
        well = (of_well < hop[part, None] * of_well[:, -1:]).sum(axis=1).clip(max=n_wells - 1)
        inside = np.cumsum(weight * (site.wells == well[:, None]), axis=1)
        chosen[part] = (inside < within[part, None] * inside[:, -1:]).sum(axis=1).clip(max=n_choices - 1)
    picked = directions[np.arange(n_frames), chosen]
    if site.kind != "cone" or len(site.grid) < 4:
        return picked
    axis = _unit(positions[:, site.anchor] - positions[:, site.atom])
    turn = jitter * (site.grid[1] - site.grid[0])
    if site.period > 1:  # equal hydrogens: the grid covers one of the equal wells
        turn = turn + 2.0 * np.pi / site.period * np.floor(hop * site.period)
    return _rotated(picked, axis, turn)


def _torsion_energy(site: Site, positions: np.ndarray) -> np.ndarray:
    """Sum of V/2 (1 + s cos(n phi)), phi the torsion to each of the site's terms; kcal/mol [T, choices].

    Equation (25) of docs/method.md.
    """
    energy = np.zeros((len(positions), len(site.wells)))
    if site.kind != "cone" or not site.terms:
        return energy
    bond = _unit(positions[:, site.anchor] - positions[:, site.atom])
    inplane, normal = _reference(site, positions, bond)
    for term in site.terms:
        towards = positions[:, term.atom] - positions[:, site.anchor]
        phase = np.arctan2((towards * normal).sum(-1), (towards * inplane).sum(-1))
        angle = site.grid - phase[:, None]
        energy += 0.5 * term.barrier_kcal * (1.0 + term.sign * np.cos(term.fold * angle))
    return energy


def _contact_energy(
    molecule: Molecule, site: Site, positions: np.ndarray, directions: np.ndarray, charges: np.ndarray
) -> np.ndarray:
    """Lennard-Jones plus screened Coulomb energy with the atoms three bonds away or more; kcal/mol [T, choices].

    Equation (25) of docs/method.md.
    """
    present = np.isfinite(positions[0, :, 0])
    others = np.array([k for k in site.contacts if present[k]], dtype=np.int64)
    energy = np.zeros(directions.shape[:2])
    if not len(others):
        return energy
    scale_lj, scale_q = site.scales(others)
    placed = positions[:, None, [site.atom]] + site.length * directions
    for k, hydrogen in enumerate(site.hydrogens):
        radius, depth = lennard_jones(molecule, int(hydrogen), others)
        delta = placed[:, :, k, None] - positions[:, None, others]
        square = np.einsum("tcod,tcod->tco", delta, delta).clip(min=0.25)
        inverse = radius**2 / square
        sixth = inverse * inverse * inverse
        energy += (sixth * (sixth - 2.0)) @ (scale_lj * depth)
        coulomb = COULOMB / DIELECTRIC * charges[hydrogen] * charges[others]
        energy += (1.0 / np.sqrt(square)) @ (scale_q * coulomb)
    return energy


def _hops(rng: np.random.Generator, n_frames: int, events: float) -> np.ndarray:
    """Uniform numbers [T] that stay the same until a Poisson event (`events` a frame) draws a new one.

    Equation (26) of docs/method.md.
    """
    draws = rng.uniform(size=(n_frames, 2))
    renewed = draws[:, 0] < 1.0 - np.exp(-events)
    renewed[0] = True
    return draws[np.maximum.accumulate(np.where(renewed, np.arange(n_frames), 0)), 1]


def _librations(rng: np.random.Generator, n_frames: int, frame_ps: float) -> np.ndarray:
    """Uniform numbers [T] whose normal quantiles are an AR(1) process of correlation time LIBRATION_PS."""
    memory = np.exp(-frame_ps / LIBRATION_PS)
    noise = rng.standard_normal(n_frames)
    noise[1:] *= np.sqrt(1.0 - memory**2)
    series = itertools.accumulate(noise.tolist(), lambda before, new: memory * before + new)
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in series])


def _bent(directions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Directions [T, H, 3] with the small bends that a stiff angle has at 300 K, at most 2.5 standard deviations."""
    noise = rng.standard_normal(directions.shape).clip(-2.5, 2.5)
    return _unit(directions + BEND * (noise - (noise * directions).sum(-1, keepdims=True) * directions))


def _opposite(bonds: list[np.ndarray], site: Site) -> np.ndarray:
    """Away from all neighbours; with three of them, along the axis that makes equal angles with each."""
    away = -sum(bonds[1:], start=bonds[0])
    if len(bonds) == 3:
        axis = np.cross(bonds[1] - bonds[0], bonds[2] - bonds[0])
        height = (axis * away).sum(-1, keepdims=True)
        side = np.sign(height)
        if site.side:  # a flattened stereocentre keeps the hydrogen on the side that its isomer wants
            side = np.where(np.abs(height) < 0.15, site.side, side)
        away = np.where(np.linalg.norm(axis, axis=-1, keepdims=True) > 0.2, axis * np.where(side == 0, 1, side), away)
    size = np.linalg.norm(away, axis=-1, keepdims=True)
    return np.where(size > 0.05, away / np.maximum(size, 1e-9), _perpendicular(bonds[0]))


def _bisector(bonds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors away from two neighbours and normal to their plane; any such pair where they are in line."""
    normal = np.cross(bonds[0], bonds[1])
    size = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = np.where(size > 0.05, normal / np.maximum(size, 1e-9), _perpendicular(bonds[0]))
    out = np.cross(_unit(bonds[1] - bonds[0]), normal)
    return _unit(np.where((out * (bonds[0] + bonds[1])).sum(-1, keepdims=True) > 0, -out, out)), normal


def _perpendicular(vectors: np.ndarray) -> np.ndarray:
    """A unit vector across each of `vectors` [T, 3]."""
    axis = np.zeros_like(vectors)
    axis[np.arange(len(vectors)), np.abs(vectors).argmin(axis=-1)] = 1.0
    return _unit(np.cross(vectors, axis))


def _rotated(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """`vectors` [T, H, 3] turned about unit `axis` [T, 3] by `angle` [T] (Rodrigues)."""
    axis, cosine, sine = axis[:, None], np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along = (vectors * axis).sum(-1, keepdims=True) * axis
    return cosine * (vectors - along) + sine * np.cross(axis, vectors) + along


def _unit(vectors: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(size, 1e-9))
