"""Reader of the preprocessed GEOM of ConfGF and GeoDiff: a pickled list of graph objects, one a conformer.

A graph has `atom_type` [N], `pos` [N, 3] Å, `edge_index` [2, E], `rdmol`, `smiles`, and mostly `totalenergy` (Hartree)
and `boltzmannweight`. Test sets that were packed have `pos_ref` [K N, 3], the references one after the other.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.data.ensembles import Structure, ensemble_record
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.readers.unpickle import GraphData, graph_fields, safe_load
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers

LEVEL = "GEOM, CREST GFN2-xTB, preprocessed by ConfGF"


@dataclass(frozen=True)
class GraphPickles:
    """Molecules of one file or more, as records `<file>_<number>`; conformers of one SMILES come together.

    Attributes
    ----------
    graphs : dict
        SMILES -> (file, fields of each of its graphs).
    """

    files: list[Path]
    graphs: dict[str, list[tuple[Path, dict[str, Any]]]]
    most: int | None = None

    @classmethod
    def open(cls, paths: Sequence[str | os.PathLike[str]], most: int | None = None) -> GraphPickles:
        """Read the files: whole, since a pickle has no other way.

        Raises
        ------
        InputError
            When one is missing, damaged, refused, or holds something else.
        """
        files = [Path(path) for path in paths]
        graphs: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
        for file in files:
            content = safe_load(file)
            if not isinstance(content, list | tuple) or not all(isinstance(item, GraphData) for item in content):
                raise InputError(f"'{file}' holds no list of graph objects, as the pickles of ConfGF and GeoDiff do.")
            for number, item in enumerate(content):
                fields = graph_fields(item)
                if missing := [key for key in ("rdmol", "smiles") if fields.get(key) is None]:
                    raise InputError(f"Graph {number} of '{file}' has no field '{missing[0]}'.")
                graphs[str(fields["smiles"])].append((file, fields))
        return cls(files, dict(graphs), most)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"{LEVEL}, {', '.join(file.name for file in self.files)}"

    @property
    def total(self) -> int:
        """Molecules in the files."""
        return len(self.graphs)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule that passes the filters."""
        for number, (smiles, graphs) in enumerate(self.graphs.items()):
            name = f"{graphs[0][0].stem}_{number:06d}"
            structures: list[Structure] = []
            for _, fields in graphs:
                try:
                    structures.extend(read_structures(fields))
                except InputError as error:
                    dropped.structure(str(error), name)
            try:
                yield ensemble_record(name, smiles, structures, dropped, LEVEL, self.most)
            except InputError as error:
                dropped.molecule(str(error), name)


def read_structures(fields: dict[str, Any]) -> list[Structure]:
    """The conformer of a graph, or its references.

    Raises
    ------
    InputError
        When its fields are missing or contradict each other.
    """
    mol = fields["rdmol"]
    if not isinstance(mol, Chem.Mol):
        raise InputError("a field rdmol that is no RDKit molecule")
    mol = Chem.Mol(mol)
    n = mol.GetNumAtoms()
    positions = fields.get("pos_ref") if fields.get("pos_ref") is not None else fields.get("pos")
    if positions is None or np.size(positions) == 0 or np.size(positions) % (3 * n):
        raise InputError("positions that do not fit the number of atoms")
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    if "atom_type" in fields and np.asarray(fields["atom_type"]).tolist() != numbers:
        raise InputError("atom types that are not those of its rdmol")
    if "edge_index" in fields:
        edges = {tuple(sorted(edge)) for edge in np.asarray(fields["edge_index"]).T.tolist()}
        if any(tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) not in edges for b in mol.GetBonds()):
            raise InputError("edges that lack a bond of its rdmol")
    frames = np.asarray(positions, dtype=np.float64).reshape(-1, n, 3)
    energy, weight = (_number(fields.get(key)) if len(frames) == 1 else None for key in _FACTS)
    return [Structure(with_conformers(mol, frame[None]), energy, weight) for frame in frames]


_FACTS = ("totalenergy", "boltzmannweight")


def _number(value: Any) -> float | None:
    return None if value is None or np.size(value) != 1 else float(np.reshape(value, ()))


FORMAT = Format(
    lambda path: path.is_file() and path.suffix.lower() in (".pkl", ".pickle"),
    lambda paths, options: GraphPickles.open(paths, options.most),
    several=True,
)
