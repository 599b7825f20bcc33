"""Molecules: SMILES, SDF or RDKit Mol to a checked graph with explicit hydrogens and stereochemistry."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import rdmolops

from eginterpolator.chemistry import origin
from eginterpolator.chemistry.axes import Axis, adopt_rdkit_axes, axes_of, read_axes
from eginterpolator.chemistry.codes import ELEMENTS
from eginterpolator.chemistry.fragments import largest_fragment as _largest_fragment
from eginterpolator.chemistry.identity import flat_smiles, held_out_key, identity_key, parse_smiles, split_key
from eginterpolator.chemistry.isomers import clear_equal_ends, open_isomers, open_stereo
from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.chemistry.stereo_rows import heavy_double_bonds, heavy_triples, hydrogen_rows
from eginterpolator.errors import InputError, shortened

__all__ = ["Molecule", "enumerate_stereo", "flat_smiles", "molecules_from_sdf"]

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]

_PICKLED = int(Chem.PropertyPickleOptions.AllProps | Chem.PropertyPickleOptions.CoordsAsDouble)


@dataclass(frozen=True, eq=False)
class Molecule:
    """One molecule: a single fragment with explicit hydrogens, heavy atoms first, stereo assigned.

    Attributes
    ----------
    rdmol : rdkit.Chem.Mol
        All atoms; indices 0..n_heavy-1 are the heavy atoms. It may carry conformers.
    name : str
        The name of the molecule's output folder.
    """

    rdmol: Chem.Mol
    name: str = field(default="molecule")

    @classmethod
    def from_smiles(cls, smiles: str, name: str = "", largest_fragment: bool = False) -> Molecule:
        """Parse a SMILES, or a key as `Molecule.key` writes it; of a salt or solvate only the largest fragment, where
        `largest_fragment` says so.

        Raises
        ------
        InputError
            When it does not parse, has several fragments, no heavy atom, or open stereo (the message
            lists the isomers; `enumerate_stereo` gives one Molecule for each of them).
        """
        return cls.from_rdkit(origin.remember_smiles(parse_smiles(smiles), smiles), name, largest_fragment)

    @classmethod
    def from_rdkit(cls, mol: Chem.Mol, name: str = "", largest_fragment: bool = False) -> Molecule:
        """Take an RDKit Mol; where it has a 3D conformer, the stereo is read from conformer 0.

        Raises
        ------
        InputError
            As `from_smiles`.
        """
        mol = Chem.Mol(mol)
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException as error:
            raise InputError(f"RDKit cannot sanitise the molecule: {str(error).lower()}.") from error
        origin.remember_input(mol)
        if largest_fragment:
            mol = _largest_fragment(mol)
        if mol.GetNumAtoms() == 0:
            raise InputError("The molecule has no atoms.")
        if len(rdmolops.GetMolFrags(mol)) > 1:
            largest = Chem.RemoveHs(_largest_fragment(mol))
            unknown = sorted({atom.GetSymbol() for atom in largest.GetAtoms()} - {"H", *ELEMENTS})
            if unknown and largest.GetNumAtoms() > 1:  # a complex in pieces: no part of it would run
                raise InputError(
                    f"'{shortened(Chem.MolToSmiles(mol))}' contains {', '.join(unknown)}, an element that no model "
                    f"knows; use molecules of H and {', '.join(ELEMENTS)}."
                )
            raise InputError(
                f"'{shortened(Chem.MolToSmiles(mol))}' has several fragments; give the largest alone, "
                f"'{Chem.MolToSmiles(largest)}', or pass --largest-fragment "
                "(Python: largest_fragment=True)."
            )
        if all(atom.GetAtomicNum() <= 1 for atom in mol.GetAtoms()):
            raise InputError("The molecule has no heavy atom; give one with at least one atom other than hydrogen.")
        if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
            raise InputError(
                f"'{shortened(Chem.MolToSmiles(mol))}' contains a dummy atom or wildcard; replace it with an element."
            )
        three_d = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
        adopt_rdkit_axes(mol)
        if three_d:
            Chem.AssignStereochemistryFrom3D(mol)
            if clear_equal_ends(mol):
                Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
            read_axes(mol)
        else:
            mol.RemoveAllConformers()  # a flat drawing is no structure
            clear_equal_ends(mol)
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
            undefined = open_stereo(mol)
            if undefined:
                isomers = open_isomers(mol)
                if len(isomers) > 1:
                    names = [_spelled(isomer) for isomer in isomers]
                    raise InputError(
                        f"'{shortened(Chem.MolToSmiles(mol))}' leaves the stereo of {undefined} open; name one isomer "
                        f"({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}) or pass --stereo enumerate "
                        "(Python: enumerate_stereo) to run each of them."
                    )
                mol = isomers[0]
        if any(atom.GetNumExplicitHs() + atom.GetNumImplicitHs() for atom in mol.GetAtoms()):
            mol = Chem.AddHs(mol, addCoords=three_d)
        origin.remember_hydrogens(mol)
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
        order = np.argsort(numbers <= 1, kind="stable")
        if (order != np.arange(len(order))).any():
            mol = origin.with_properties_of(mol, Chem.RenumberAtoms(mol, [int(index) for index in order]))
        title = mol.GetProp("_Name").strip() if mol.HasProp("_Name") else ""
        return cls(mol, name or title or "molecule")

    @classmethod
    def from_sdf(cls, path: str | os.PathLike[str], name: str = "") -> Molecule:
        """Read the first molecule of an SDF; every entry of the same molecule becomes a conformer of it."""
        molecule = molecules_from_sdf(path)[0]
        return cls(molecule.rdmol, name or molecule.name)

    @property
    def seed_name(self) -> str:
        """The name by which seeds are derived: `molecule` for a bare SMILES, whatever its folder is called."""
        return origin.seed_name(self.rdmol) or self.name

    @cached_property
    def atom_map(self) -> list[int | None]:
        """Of each atom the index in the input (SDF record, SMILES), from 0; None for a hydrogen that was added."""
        return origin.input_indices(self.rdmol)

    @cached_property
    def atom_map_numbers(self) -> list[int | None] | None:
        """Of each atom its map number in the input; None for an input without map numbers."""
        return origin.map_numbers(self.rdmol)

    @property
    def n_atoms(self) -> int:
        """Number of atoms, hydrogens included."""
        return self.rdmol.GetNumAtoms()

    @cached_property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers, int64 [n_atoms]."""
        return np.array([atom.GetAtomicNum() for atom in self.rdmol.GetAtoms()], dtype=np.int64)

    @cached_property
    def n_heavy(self) -> int:
        """Number of atoms that are not hydrogen; they come first."""
        return int((self.atomic_numbers > 1).sum())

    @cached_property
    def smiles(self) -> str:
        """Canonical isomeric SMILES, without explicit hydrogens but for isotopes; `key` says more."""
        if any(atom.GetAtomicNum() == 1 and atom.GetIsotope() for atom in self.rdmol.GetAtoms()):
            return cast(str, Chem.MolToSmiles(Chem.RemoveHs(self.rdmol)))
        return cast(str, Chem.MolToSmiles(self.heavy_mol))

    @cached_property
    def key(self) -> str:
        """The same text for every way of writing this molecule and for no other one: see `identity.identity_key`."""
        return identity_key(self.rdmol)

    @property
    def named(self) -> dict[str, str]:
        """How files name the molecule: `smiles`, and `key` where that says more than the SMILES does."""
        return {"smiles": self.smiles, **({"key": self.key} if self.key != self.smiles else {})}

    def is_named_by(self, facts: Mapping[str, Any]) -> bool:
        """Whether `facts`, as `named` made them, are of this molecule and of no isomer or isotopologue."""
        if "key" in facts:
            return bool(facts["key"] == self.key)
        smiles = str(facts.get("smiles", ""))
        try:
            return smiles == self.key or identity_key(parse_smiles(smiles)) == self.key
        except InputError:
            return False

    @cached_property
    def smiles_flat(self) -> str:
        """Canonical SMILES without stereo, isotopes and atom maps: the same for every isomer of one graph."""
        return flat_smiles(self.heavy_mol)

    @cached_property
    def split_key(self) -> str:
        """`smiles_flat` without charges that protons can take away: what molecules are excluded by."""
        return split_key(self.smiles_flat)

    @cached_property
    def held_out_key(self) -> str:
        """What decides on which side of a split the molecule is: see `identity.held_out_key`."""
        return held_out_key(self.smiles_flat)

    @cached_property
    def heavy_mol(self) -> Chem.Mol:
        """RDKit Mol of the heavy atoms alone, in the same order, hydrogens implicit."""
        parameters: Any = Chem.RemoveHsParameters()
        parameters.removeDefiningBondStereo = True
        parameters.removeIsotopes = True
        parameters.removeHydrides = True
        parameters.removeWithWedgedBond = True
        parameters.removeDegreeZero = True
        parameters.removeOnlyHNeighbors = True
        return Chem.RemoveHs(self.rdmol, parameters)

    @cached_property
    def bonds(self) -> np.ndarray:
        """Bonds between all atoms, int64 [n_bonds, 2], smaller index first."""
        pairs = [sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in self.rdmol.GetBonds()]
        return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)

    @cached_property
    def heavy_bonds(self) -> np.ndarray:
        """Bonds between heavy atoms, int64 [n, 2], smaller index first."""
        return self.bonds[(self.bonds < self.n_heavy).all(axis=1)]

    @cached_property
    def _stereo_triples(self) -> tuple[np.ndarray, np.ndarray]:
        return heavy_triples(self.rdmol, self.n_heavy)

    @property
    def triples(self) -> np.ndarray:
        """Stereocentres as (centre, a, b, c), int64 [K, 4]: every three of a centre's heavy neighbours."""
        return self._stereo_triples[0]

    @property
    def triple_signs(self) -> np.ndarray:
        """Wanted sign of det[x_a - x_i, x_b - x_i, x_c - x_i], float32 [K]."""
        return self._stereo_triples[1]

    @cached_property
    def _stereo_bonds(self) -> tuple[np.ndarray, np.ndarray]:
        return heavy_double_bonds(self.rdmol, self.n_heavy)

    @property
    def double_bonds(self) -> np.ndarray:
        """Stereo double bonds as (a, i, j, b), int64 [D, 4]: every pair of heavy substituents."""
        return self._stereo_bonds[0]

    @property
    def double_bond_signs(self) -> np.ndarray:
        """+1 where a and b are cis (|torsion| < 90 degrees), -1 where they are trans; float32 [D]."""
        return self._stereo_bonds[1]

    @cached_property
    def hydrogen_stereo(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Stereo that the heavy atoms alone do not show: of isotopes, N-H imines, and centres with a lone pair.

        Returns
        -------
        int64 [K, 4], float32 [K], int64 [D, 4], float32 [D]
            As `triples` with `triple_signs`, one row a centre, and `double_bonds` with `double_bond_signs`.
        """
        return hydrogen_rows(self.rdmol, self.triples, self.double_bonds)

    @cached_property
    def axes(self) -> list[Axis]:
        """Axes of chirality whose sign is known: biaryls that turn slowly, allenes, longer cumulenes."""
        return axes_of(self.rdmol)

    @property
    def has_stereo(self) -> bool:
        """Whether there is anything that `stereo retention` of the heavy atoms can lose."""
        return bool(len(self.triples) or len(self.double_bonds) or self.axes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with every property and full precision: another process makes the same result of it."""
        return _unpickled, (self.rdmol.ToBinary(_PICKLED), self.name)

    def __repr__(self) -> str:
        return f"Molecule({self.smiles!r}, name={self.name!r})"


def _unpickled(binary: bytes, name: str) -> Molecule:
    return Molecule(Chem.Mol(binary), name)  # type: ignore[call-overload]  # its stubs say str


def enumerate_stereo(source: str | Chem.Mol, name: str = "molecule", largest_fragment: bool = False) -> list[Molecule]:
    """Every isomer of the stereo that `source` leaves open, at most 32, named name_1, name_2, ...

    Raises
    ------
    InputError
        When there are more than 32 isomers, or the SMILES does not parse.
    """
    mol = origin.remember_smiles(parse_smiles(source), source) if isinstance(source, str) else Chem.Mol(source)
    if largest_fragment:
        origin.remember_input(mol)
        mol.SetBoolProp(origin.KNOWN, True)
        mol = _largest_fragment(mol)
    isomers = open_isomers(mol) if open_stereo(mol) else []
    if len(isomers) < 2:
        return [Molecule.from_rdkit(mol, name)]
    return [Molecule.from_rdkit(isomer, f"{name}_{k}") for k, isomer in enumerate(isomers, 1)]


def molecules_from_sdf(
    path: str | os.PathLike[str],
    make: Callable[[int, Chem.Mol], list[Molecule]] = lambda number, mol: [Molecule.from_rdkit(mol)],
    failed: Callable[[int, str, Chem.Mol | None, InputError], None] | None = None,
) -> list[Molecule]:
    """Read an SDF, gzipped or not; consecutive entries of one title and one molecule become conformers of one.

    Parameters
    ----------
    path : path
    make : callable
        What an entry (number from 1, Mol) becomes.
    failed : callable, optional
        Told of each entry that cannot be used (number, title, Mol, reason), which is then left out.

    Raises
    ------
    InputError
        When the file is missing or holds no molecule; without `failed` also when an entry does not parse, or has
        several atoms but no bonds.
    """
    result: list[Molecule] = []
    before: Chem.Mol | None = None
    number = 0
    for record in sdf_records(path):
        number, mol = record.number, record.mol
        entry = f"Entry {number}{f' ({record.title})' if record.title else ''} of '{path}'"
        try:
            if mol is None:
                raise InputError(f"{entry} is not a readable molecule: {record.reason}.")
            if mol.GetNumAtoms() > 1 and mol.GetNumBonds() == 0:
                raise InputError(f"{entry} has atoms but no bonds; write the SDF with bond orders.")
            made = make(number, mol)
        except InputError as error:
            if failed is None:
                raise
            failed(number, record.title, mol, error)
            continue
        same = result and len(made) == 1 and before is not None and _title(before) == _title(mol)
        if same and _same_atoms(result[-1], made[0]):
            result[-1].rdmol.AddConformer(made[0].rdmol.GetConformer(), assignId=True)
        else:
            result.extend(made)
            before = mol
    if number == 0:
        raise InputError(f"'{path}' holds no molecule.")
    return result


def _title(mol: Chem.Mol) -> str:
    return str(mol.GetProp("_Name")).strip() if mol.HasProp("_Name") else ""


def _same_atoms(first: Molecule, second: Molecule) -> bool:
    """Whether `second` is a structure of `first`, atom by atom.

    Records that name one `key`, as this package writes them, are structures of one molecule whatever stereo their
    coordinates show. Those that name one `smiles` may differ in the side of an N-H, which it does not say.
    """
    if not (first.rdmol.GetNumConformers() and second.rdmol.GetNumConformers()):
        return False
    if not (np.array_equal(first.atomic_numbers, second.atomic_numbers) and np.array_equal(first.bonds, second.bonds)):
        return False
    if _stated(first, "key") and _stated(first, "key") == _stated(second, "key"):
        return True
    if _stated(first, "smiles") and _stated(first, "smiles") == _stated(second, "smiles"):
        return first.smiles == second.smiles and [a.sorted() for a in first.axes] == [a.sorted() for a in second.axes]
    return first.key == second.key


def _stated(molecule: Molecule, name: str) -> str:
    return str(molecule.rdmol.GetProp(name)).strip() if molecule.rdmol.HasProp(name) else ""


def _spelled(isomer: Chem.Mol) -> str:
    """An isomer as a user may write it."""
    return identity_key(isomer) if axes_of(isomer) else str(Chem.MolToSmiles(Chem.RemoveHs(isomer)))
