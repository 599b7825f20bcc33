"""From structures of a molecule to its low minima: relaxed, checked, without duplicates, with Boltzmann weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.rmsd import numberings, symmetric_rmsd
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import frame_checks
from eginterpolator.simulation.refine import Relaxer

GAS_KCAL = 1.987204259e-3
"""Gas constant, kcal/mol/K."""
MAX_MATCHES = 1000
"""Symmetric numberings that duplicates are looked for among."""
STEREO, BONDS, INFINITE = (
    "a minimum has another stereo than the molecule",
    "a minimum has other bonds than the molecule",
    "a minimum is not finite",
)
WINDOW, DUPLICATE = "above the energy window", "duplicate of a lower one"


@dataclass(frozen=True)
class Minima:
    """Low minima of a molecule, the lowest first.

    Attributes
    ----------
    positions : float64 [C, n_atoms, 3]
        Å.
    energies_kcal : float64 [C]
    of_starts : int64 [K]
        Which of them each of the K structures has become, or is a duplicate of; -1 of those that are left out.
    dropped : Counter
        How many structures are left out, by reason: those of `reasons` below, `WINDOW`, `DUPLICATE`.
    """

    positions: np.ndarray
    energies_kcal: np.ndarray
    of_starts: np.ndarray
    dropped: Counter[str] = field(default_factory=Counter)


def boltzmann_weights(energies_kcal: np.ndarray, temperature_K: float = 298.15) -> np.ndarray:
    """Weights exp(-E_i/RT) / Σ_j exp(-E_j/RT), float64 [K]; every conformer counts once, whatever its symmetry."""
    energies = np.asarray(energies_kcal, dtype=np.float64)
    factors = np.exp(-(energies - energies.min()) / (GAS_KCAL * temperature_K))
    return np.asarray(factors / factors.sum())


def pair_rmsd(molecule: Molecule, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """By which duplicates are told: float64 [K, L], Å, of structures [K, n_atoms, 3] and [L, n_atoms, 3].

    Heavy atoms and hydrogens on atoms other than carbon, of structures [.., n_heavy, 3] heavy atoms alone; best proper
    superposition over symmetric numberings.
    """
    mol = Chem.RWMol(molecule.rdmol)
    mol.RemoveAllConformers()
    shown = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() != 1 or not _on_carbon(a)]
    shown = [index for index in shown if index < first.shape[1]]
    for index in reversed(sorted(set(range(molecule.n_atoms)) - set(shown))):
        mol.RemoveAtom(index)
    atoms = numberings(mol.GetMol(), mol.GetMol(), MAX_MATCHES).atoms
    return symmetric_rmsd(np.asarray(first)[:, shown], np.asarray(second)[:, shown], atoms)


def distinct(molecule: Molecule, positions: np.ndarray, energies: np.ndarray, rmsd: float) -> list[int]:
    """Indices of the conformers [K, n_atoms, 3] that lie `rmsd` Å or more from every lower one, lowest first.

    By `pair_rmsd`.
    """
    return kept_of(pair_rmsd(molecule, positions, positions), energies, rmsd)[0]


def kept_of(apart: np.ndarray, energies: np.ndarray, rmsd: float) -> tuple[list[int], np.ndarray]:
    """Indices that lie `rmsd` or more from every lower one, lowest first; and the nearest such of each, int64 [K].

    Parameters
    ----------
    apart : float [K, K]
        Distances of all pairs.
    energies : float [K]
    rmsd : float
    """
    kept: list[int] = []
    for index in np.argsort(energies, kind="stable").tolist():
        if all(apart[index, other] >= rmsd for other in kept):
            kept.append(index)
    nearest = np.array(kept, dtype=np.int64)[apart[:, kept].argmin(axis=1)] if kept else np.zeros(0, dtype=np.int64)
    nearest[kept] = kept
    return kept, nearest


def low_minima(
    molecule: Molecule,
    starts: np.ndarray,
    relax: Relaxer,
    *,
    window_kcal: float = 6.0,
    duplicate_rmsd: float = 0.125,
) -> Minima:
    """Relax structures [K, n_atoms, 3] (Å) and keep the low minima that differ.

    Left out, in this order: what was not minimised, is not finite, has other bonds or another stereo than the molecule;
    what lies more than `window_kcal` above the lowest; what lies within `duplicate_rmsd` Å of a lower one
    (`pair_rmsd`). There may be none left.
    """
    made = relax(starts)
    reasons = list(made.reasons)
    open_ones = [k for k, reason in enumerate(reasons) if not reason]
    found = _faults(molecule, made.positions[open_ones], made.energies_kcal[open_ones])
    for k, reason in zip(open_ones, found, strict=True):
        reasons[k] = reason
    sound = np.array([k for k, reason in enumerate(reasons) if not reason], dtype=np.int64)
    dropped = Counter(reason for reason in reasons if reason)
    of_starts = np.full(len(starts), -1, dtype=np.int64)
    if len(sound):
        energies = made.energies_kcal[sound]
        low = sound[energies <= energies.min() + window_kcal]
        apart = pair_rmsd(molecule, made.positions[low], made.positions[low])
        kept, nearest = kept_of(apart, made.energies_kcal[low], duplicate_rmsd)
        place = np.zeros(len(low), dtype=np.int64)
        place[kept] = np.arange(len(kept))
        of_starts[low] = place[nearest]
        dropped[WINDOW], dropped[DUPLICATE] = len(sound) - len(low), len(low) - len(kept)
        chosen = low[kept]
    else:
        chosen = sound
    return Minima(made.positions[chosen], made.energies_kcal[chosen], of_starts, +dropped)


def _faults(molecule: Molecule, positions: np.ndarray, energies: np.ndarray) -> list[str]:
    """Of each minimum what is wrong with it, '' where nothing is."""
    if not len(positions):
        return []
    finite = np.isfinite(positions).all(axis=(1, 2)) & np.isfinite(energies)
    checks = frame_checks(molecule, positions)
    bonds, stereo = checks["bonds"] & checks["clashes"], frame_stereo(molecule, positions)
    return [
        "" if whole and joined and same else INFINITE if not whole else BONDS if not joined else STEREO
        for whole, joined, same in zip(finite, bonds, stereo, strict=True)
    ]


def _on_carbon(atom: Chem.Atom) -> bool:
    return any(neighbour.GetAtomicNum() == 6 for neighbour in atom.GetNeighbors())
