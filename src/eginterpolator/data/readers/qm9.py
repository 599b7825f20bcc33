"""Reader of QM9 (Ramakrishnan et al. 2014) from the tables inside PyPI's `qm9pack`: B3LYP geometries, Å."""

from __future__ import annotations

import ast
import csv
import importlib.util
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.filters import Dropped
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError

MAX_BOND_ANGSTROM = 1.75


@dataclass(frozen=True)
class QM9:
    """All molecules of qm9pack."""

    source: str = "QM9, from qm9pack"
    total: int = 130_831
    files: list[Path] = field(default_factory=list)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """See `read_qm9`."""
        return read_qm9(dropped.counts)


def read_qm9(dropped: Counter[str] | None = None) -> Iterator[Record]:
    """Records `qm9_<index>` of all molecules that pass the checks, in the order of the table.

    The SMILES name the bonds, heavy atoms in the order of the geometry; stereo is read from the geometry. A molecule
    is dropped, and counted in `dropped` by reason, when RDKit does not sanitise it, it is charged into fragments, a
    SMILES bond is longer than 1.75 Å, or the hydrogens nearest to an atom are not those of its SMILES.
    """
    dropped = Counter() if dropped is None else dropped
    for row in qm9_rows():
        try:
            yield qm9_record(row)
        except InputError as error:
            dropped[str(error)] += 1


def qm9_rows() -> Iterator[dict[str, str]]:
    """Rows of the tables in the installed qm9pack, read as CSV: importing the package needs pkg_resources."""
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("QM9 comes in the package qm9pack, which is not installed; run 'pip install qm9pack'.")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    csv.field_size_limit(1 << 24)
    for part in (1, 2, 3):
        with open(folder / f"qm9_part{part}.csv", newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


def qm9_record(row: dict[str, str], mirror: bool = False) -> Record:
    """The molecule and geometry of one row, or its mirror image.

    Raises
    ------
    InputError
        With the reason for which the molecule is dropped.
    """
    mol = Chem.MolFromSmiles(row["SMILES"])
    if mol is None:
        raise InputError("SMILES not sanitised")
    if "." in row["SMILES"]:
        raise InputError("several fragments")
    symbols = ast.literal_eval(row["Elements"])
    positions = np.array(ast.literal_eval(row["XYZ_Ang"]), dtype=np.float64)
    heavy = mol.GetNumAtoms()
    if [atom.GetSymbol() for atom in mol.GetAtoms()] != symbols[:heavy]:
        raise InputError("atoms in another order than the SMILES")
    ends = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()], dtype=int).reshape(-1, 2)
    if (np.linalg.norm(positions[ends[:, 0]] - positions[ends[:, 1]], axis=-1) > MAX_BOND_ANGSTROM).any():
        raise InputError(f"a bond longer than {MAX_BOND_ANGSTROM} Å")
    # AddHs appends the hydrogens of atom 0, then of atom 1, ...: sort the geometry's in the same way.
    distances = np.linalg.norm(positions[heavy:, None] - positions[None, :heavy], axis=-1)
    parents = distances.argmin(axis=1)
    wanted = [atom.GetTotalNumHs() for atom in mol.GetAtoms()]
    if np.bincount(parents, minlength=heavy).tolist() != wanted:
        raise InputError("hydrogens elsewhere than in the SMILES")
    order = np.argsort(parents, kind="stable") + heavy
    positions = np.concatenate([positions[:heavy], positions[order]])
    if mirror:
        positions[:, 0] *= -1.0
    mol = Chem.AddHs(mol)
    conformer = Chem.Conformer(len(positions))
    conformer.SetPositions(positions)
    conformer.Set3D(True)
    mol.AddConformer(conformer)
    name = f"qm9_{int(row['Index']):06d}"
    return Record(
        name,
        Molecule.from_rdkit(mol, name),
        conformers=positions[None].astype(np.float32),
        ensemble="minimum",
        source="QM9 B3LYP/6-31G(2df,p), qm9pack",
    )
