"""Molecules: SMILES, SDF or RDKit Mol to a checked graph with explicit hydrogens and stereochemistry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import rdmolops

from eginterpolator.chemistry.isomers import open_isomers, open_stereo
from eginterpolator.errors import InputError, shortened

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]

_CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
_TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)
_PICKLED = int(Chem.PropertyPickleOptions.AllProps | Chem.PropertyPickleOptions.CoordsAsDouble)
_TAGS = {Chem.ChiralType.CHI_TETRAHEDRAL_CCW: 1.0, Chem.ChiralType.CHI_TETRAHEDRAL_CW: -1.0}


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
    def from_smiles(cls, smiles: str, name: str = "") -> Molecule:
        """Parse a SMILES.

        Raises
        ------
        InputError
            When it does not parse, has several fragments, no heavy atom, or open stereo (the message
            lists the isomers; `enumerate_stereo` gives one Molecule for each of them).
        """
        if not smiles or not smiles.strip():
            raise InputError("The SMILES is empty; give one such as 'CCO'.")
        smiles = smiles.strip()
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise InputError(f"'{shortened(smiles)}' is not a valid SMILES: {_reason(smiles)}.")
        return cls.from_rdkit(mol, name)

    @classmethod
    def from_rdkit(cls, mol: Chem.Mol, name: str = "") -> Molecule:
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
        if mol.GetNumAtoms() == 0:
            raise InputError("The molecule has no atoms.")
        if len(rdmolops.GetMolFrags(mol)) > 1:
            raise InputError(
                f"'{shortened(Chem.MolToSmiles(mol))}' has several fragments; give one molecule at a time, "
                "without salts or solvent."
            )
        if all(atom.GetAtomicNum() <= 1 for atom in mol.GetAtoms()):
            raise InputError("The molecule has no heavy atom; give one with at least one atom other than hydrogen.")
        if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
            raise InputError(
                f"'{shortened(Chem.MolToSmiles(mol))}' contains a dummy atom or wildcard; replace it with an element."
            )
        three_d = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
        if three_d:
            Chem.AssignStereochemistryFrom3D(mol)
        else:
            mol.RemoveAllConformers()  # a flat drawing is no structure
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
            undefined = open_stereo(mol)
            if undefined:
                isomers = open_isomers(mol)
                if len(isomers) > 1:
                    names = [Chem.MolToSmiles(Chem.RemoveHs(isomer)) for isomer in isomers]
                    raise InputError(
                        f"'{shortened(Chem.MolToSmiles(mol))}' leaves the stereo of {undefined} open; name one isomer "
                        f"({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}) or pass --stereo enumerate "
                        "(Python: enumerate_stereo) to run each of them."
                    )
                mol = isomers[0]
        if any(atom.GetNumExplicitHs() + atom.GetNumImplicitHs() for atom in mol.GetAtoms()):
            mol = Chem.AddHs(mol, addCoords=three_d)
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
        order = np.argsort(numbers <= 1, kind="stable")
        if (order != np.arange(len(order))).any():
            mol = Chem.RenumberAtoms(mol, [int(index) for index in order])
        title = mol.GetProp("_Name").strip() if mol.HasProp("_Name") else ""
        return cls(mol, name or title or "molecule")

    @classmethod
    def from_sdf(cls, path: str | os.PathLike[str], name: str = "") -> Molecule:
        """Read the first molecule of an SDF; every entry of the same molecule becomes a conformer of it."""
        molecule = molecules_from_sdf(path)[0]
        return cls(molecule.rdmol, name or molecule.name)

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
        """Canonical isomeric SMILES without explicit hydrogens."""
        return cast(str, Chem.MolToSmiles(self.heavy_mol))

    @cached_property
    def smiles_flat(self) -> str:
        """Canonical SMILES without stereo: the key by which data are split."""
        return flat_smiles(self.heavy_mol)

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
        rows, signs = [], []
        for atom in self.rdmol.GetAtoms():
            sign = _TAGS.get(atom.GetChiralTag())
            if sign is None:
                continue
            ordered = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
            for kept in combinations(range(len(ordered)), 3):
                neighbours = [ordered[k] for k in kept]
                if max(neighbours) >= self.n_heavy:
                    continue
                # Counter-clockwise seen from the first neighbour; leaving out neighbour k of four flips
                # the determinant 3-k times. A missing fourth counts as the last one.
                left_out = ({0, 1, 2, 3} - set(kept)).pop()
                rows.append((atom.GetIdx(), *neighbours))
                signs.append(sign * (-1.0) ** (3 - left_out))
        return np.array(rows, dtype=np.int64).reshape(-1, 4), np.array(signs, dtype=np.float32)

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
        rows, signs = [], []
        for bond in self.rdmol.GetBonds():
            if bond.GetStereo() not in _CIS + _TRANS:
                continue
            begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            named = list(bond.GetStereoAtoms())
            wanted = 1.0 if bond.GetStereo() in _CIS else -1.0
            for a in self._heavy_neighbours(begin, end):
                for b in self._heavy_neighbours(end, begin):
                    swaps = (a != named[0]) + (b != named[1])
                    rows.append((a, begin, end, b))
                    signs.append(wanted * (-1.0) ** swaps)
        return np.array(rows, dtype=np.int64).reshape(-1, 4), np.array(signs, dtype=np.float32)

    def _heavy_neighbours(self, index: int, without: int) -> list[int]:
        neighbours = [atom.GetIdx() for atom in self.rdmol.GetAtomWithIdx(index).GetNeighbors()]
        return [other for other in neighbours if other != without and other < self.n_heavy]

    @property
    def double_bonds(self) -> np.ndarray:
        """Stereo double bonds as (a, i, j, b), int64 [D, 4]: every pair of heavy substituents."""
        return self._stereo_bonds[0]

    @property
    def double_bond_signs(self) -> np.ndarray:
        """+1 where a and b are cis (|torsion| < 90 degrees), -1 where they are trans; float32 [D]."""
        return self._stereo_bonds[1]

    @property
    def has_stereo(self) -> bool:
        """Whether there is anything that `stereo retention` can lose."""
        return bool(len(self.triples) or len(self.double_bonds))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with every property and full precision: another process makes the same result of it."""
        return _unpickled, (self.rdmol.ToBinary(_PICKLED), self.name)

    def __repr__(self) -> str:
        return f"Molecule({self.smiles!r}, name={self.name!r})"


def _unpickled(binary: bytes, name: str) -> Molecule:
    return Molecule(Chem.Mol(binary), name)  # type: ignore[call-overload]  # its stubs say str


def flat_smiles(mol: Chem.Mol | str) -> str:
    """Canonical SMILES without stereo and isotopes of a Mol or SMILES, for splitting by molecule."""
    if isinstance(mol, str):
        parsed = Chem.MolFromSmiles(mol)
        if parsed is None:
            raise InputError(f"'{shortened(mol)}' is not a valid SMILES: {_reason(mol)}.")
        mol = parsed
    mol = Chem.RemoveHs(mol)
    return cast(str, Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False))))


def enumerate_stereo(source: str | Chem.Mol, name: str = "molecule") -> list[Molecule]:
    """Every isomer of the stereo that `source` leaves open, at most 32, named name_1, name_2, ...

    Raises
    ------
    InputError
        When there are more than 32 isomers, or the SMILES does not parse.
    """
    if isinstance(source, str):
        mol = Chem.MolFromSmiles(source)
        if mol is None:
            return [Molecule.from_smiles(source, name)]  # which says what is wrong
    else:
        mol = source
    isomers = open_isomers(mol) if open_stereo(mol) else []
    if len(isomers) < 2:
        return [Molecule.from_rdkit(mol, name)]
    return [Molecule.from_rdkit(isomer, f"{name}_{k}") for k, isomer in enumerate(isomers, 1)]


def molecules_from_sdf(
    path: str | os.PathLike[str],
    make: Callable[[int, Chem.Mol], list[Molecule]] = lambda number, mol: [Molecule.from_rdkit(mol)],
    failed: Callable[[int, Chem.Mol | None, InputError], None] | None = None,
) -> list[Molecule]:
    """Read an SDF; consecutive entries of the same molecule become conformers of one.

    Parameters
    ----------
    path : path
    make : callable
        What an entry (number from 1, Mol) becomes.
    failed : callable, optional
        Told of each entry that cannot be used (number, Mol, reason), which is then left out.

    Raises
    ------
    InputError
        When the file is missing or holds no molecule; without `failed` also when an entry does not parse, or has
        several atoms but no bonds.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    result: list[Molecule] = []
    number = 0
    for number, mol in enumerate(_sdf_entries(path), 1):
        try:
            if mol is None:
                raise InputError(f"Entry {number} of '{path}' is not a readable molecule; check that record.")
            if mol.GetNumAtoms() > 1 and mol.GetNumBonds() == 0:
                raise InputError(f"Entry {number} of '{path}' has atoms but no bonds; write the SDF with bond orders.")
            made = make(number, mol)
        except InputError as error:
            if failed is None:
                raise
            failed(number, mol, error)
            continue
        if result and len(made) == 1 and _same_atoms(result[-1], made[0]):
            result[-1].rdmol.AddConformer(made[0].rdmol.GetConformer(), assignId=True)
        else:
            result.extend(made)
    if number == 0:
        raise InputError(f"'{path}' holds no molecule.")
    return result


def _sdf_entries(path: Path) -> Iterable[Chem.Mol | None]:
    if not path.read_bytes().strip():
        return []
    try:
        return cast("Iterable[Chem.Mol | None]", Chem.SDMolSupplier(str(path), removeHs=False))
    except OSError as error:
        raise InputError(f"'{path}' cannot be read as an SDF; check the file.") from error


def _same_atoms(first: Molecule, second: Molecule) -> bool:
    """Whether `second` is a structure of `first`, atom by atom."""
    return (
        first.rdmol.GetNumConformers() > 0
        and second.rdmol.GetNumConformers() > 0
        and first.smiles == second.smiles
        and np.array_equal(first.atomic_numbers, second.atomic_numbers)
        and np.array_equal(first.bonds, second.bonds)
    )


def _reason(smiles: str) -> str:
    if Chem.MolFromSmiles(smiles, sanitize=False) is None:
        return "its syntax cannot be parsed; check brackets, ring numbers and bonds"
    problems = Chem.DetectChemistryProblems(Chem.MolFromSmiles(smiles, sanitize=False))
    return problems[0].Message().lower() if problems else "RDKit cannot sanitise it"
