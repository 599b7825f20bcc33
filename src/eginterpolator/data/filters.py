"""Filters of structures (SPEC section 4), and the count of what each of them left out.

A molecule is kept when RDKit sanitises it, it is one fragment with all of its hydrogens, and the graph of its 3D
structure equals that of its SMILES.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdmolops

from eginterpolator.chemistry.identity import parse_smiles
from eginterpolator.chemistry.molecule import Molecule, flat_smiles
from eginterpolator.errors import InputError

MAX_BOND_RATIO = 1.6
"""A replica with a bond longer than this times its length in the first frame has exploded."""
BONDED, APART = 1.3, 1.12
"""A bond is at most `BONDED` times the sum of the covalent radii long, atoms without one are at least `APART` away."""
NAMES_KEPT = 20


@dataclass
class Dropped:
    """What was left out of a dataset: how many by reason, and the first names of each.

    Attributes
    ----------
    counts, structures : Counter
        Whole molecules, and single conformers or replicas, by reason.
    names : dict
        Reason -> the first names.
    failures : dict
        Name -> why it cannot be read: files that are broken or missing, which no filter is meant for.
    """

    counts: Counter[str] = field(default_factory=Counter)
    structures: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def molecules(self) -> int:
        """Molecules that were left out, for whatever reason."""
        return sum(self.counts.values()) + len(self.failures)

    def molecule(self, reason: str, name: str) -> None:
        """A whole molecule is left out."""
        self.counts[reason] += 1
        self._name(reason, name)

    def structure(self, reason: str, name: str, count: int = 1) -> None:
        """Conformers or replicas of a molecule are left out; the rest of it stays."""
        if count:
            self.structures[reason] += count
            self._name(reason, name)

    def failure(self, name: str, reason: str) -> None:
        """A molecule, or one of its files, cannot be read."""
        self.failures[name] = reason

    def _name(self, reason: str, name: str) -> None:
        names = self.names.setdefault(reason, [])
        if len(names) < NAMES_KEPT and name not in names:
            names.append(name)

    def manifest(self) -> dict[str, Any]:
        """For the manifest: molecules and structures by reason, the first names of each, and what cannot be read."""
        return {
            "dropped": dict(self.counts.most_common()),
            "dropped_structures": dict(self.structures.most_common()),
            "dropped_names": self.names,
            "failures": self.failures,
        }


def checked(mol: Chem.Mol, smiles: str | None, name: str) -> tuple[Molecule, np.ndarray]:
    """The molecule of an RDKit Mol with a 3D conformer, after every filter on its graph.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
        All atoms; conformer 0 is the structure that stereo is read from.
    smiles : str or None
        What the source says that it is.
    name : str

    Returns
    -------
    Molecule, int64 [n_atoms]
        Heavy atoms first; for each of its atoms the index in `mol`.

    Raises
    ------
    InputError
        With the reason for which it is dropped.
    """
    mol = Chem.Mol(mol)
    try:
        Chem.SanitizeMol(mol)
    except Exception as error:  # RDKit raises several classes here
        raise InputError("RDKit does not sanitise it") from error
    if len(rdmolops.GetMolFrags(mol)) > 1:
        raise InputError("several fragments")
    if mol.GetNumConformers() == 0 or not mol.GetConformer().Is3D():
        raise InputError("no 3D structure")
    if not np.isfinite(mol.GetConformer().GetPositions()).all():
        raise InputError("coordinates that are not finite")
    molecule = Molecule.from_rdkit(mol, name)
    if molecule.n_atoms != mol.GetNumAtoms():
        raise InputError("hydrogens are missing")
    if smiles is not None:
        try:
            wanted = flat_smiles(smiles)
        except InputError as error:
            raise InputError("its SMILES is not valid") from error
        if "." in wanted:
            raise InputError("several fragments")
        if wanted != molecule.smiles_flat:
            raise InputError("its graph is not that of its SMILES")
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    return molecule, np.argsort(numbers <= 1, kind="stable")


def same_stereo(molecule: Molecule, smiles: str) -> bool:
    """Whether the molecule is the isomer that a SMILES names, isotopes aside; one that leaves stereo open names all."""
    own, wanted = (_without_isotopes(text) for text in (molecule.smiles, smiles))
    return bool(own.HasSubstructMatch(wanted, useChirality=True))


def _without_isotopes(smiles: str) -> Chem.Mol:
    mol = parse_smiles(smiles)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    mol = Chem.RemoveHs(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def graph_holds(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Whether the bonds that coordinates show are the molecule's; bool [K].

    `positions` [K, n_atoms or n_heavy, 3] Å. Distances are compared with the sum of the covalent radii (RDKit's,
    Cordero et al. 2008): bonded atoms are at most 1.3 times as far apart, others farther than 1.12 times. Between the
    two limits both are possible in a strained molecule.
    """
    table = Chem.GetPeriodicTable()
    n = positions.shape[1]
    radii = np.array([table.GetRcovalent(int(number)) for number in molecule.atomic_numbers[:n]])
    first, second = np.triu_indices(n, k=1)
    bonded = np.zeros((n, n), dtype=bool)
    bonded[tuple(_bonds(molecule, n).T)] = True
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.linalg.norm(positions[:, first] - positions[:, second], axis=-1)
    ratio = apart / (radii[first] + radii[second])
    fits = np.where(bonded[first, second], ratio <= BONDED, ratio >= APART)
    return np.asarray(fits.all(axis=1) & np.isfinite(positions).all(axis=(1, 2)))


def intact(molecule: Molecule, frames: np.ndarray) -> bool:
    """Whether all frames [R, T, n_atoms or n_heavy, 3] are finite and no bond grows far past its first length."""
    first, second = _bonds(molecule, frames.shape[2]).T
    lengths = np.linalg.norm(frames[:, :, first] - frames[:, :, second], axis=-1)
    return bool(np.isfinite(frames).all() and (lengths <= MAX_BOND_RATIO * lengths[:, :1]).all())


def _bonds(molecule: Molecule, n: int) -> np.ndarray:
    """Bonds among the first `n` atoms."""
    return np.asarray(molecule.bonds[(molecule.bonds < n).all(axis=1)])
