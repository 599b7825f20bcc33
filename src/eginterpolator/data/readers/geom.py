"""Reader of GEOM as published (Axelrod and Gómez-Bombarelli 2022): CREST conformers at the level GFN2-xTB.

A folder holds `summary_qm9.json` or `summary_drugs.json`, SMILES -> {"pickle_path": ...}, and one pickle a molecule: a
dictionary whose `conformers` each have `rd_mol`, `totalenergy` (Hartree) and `boltzmannweight`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdkit import Chem

from eginterpolator.data.ensembles import Structure, ensemble_record
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.readers.unpickle import safe_load
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError

LEVEL = "GEOM, CREST GFN2-xTB"


@dataclass(frozen=True)
class Geom:
    """Molecules of one summary, in its order, as records `<subset>_<number>`.

    Attributes
    ----------
    summary : Path
    entries : dict
        SMILES -> what the summary says of it.
    most : int or None
        Conformers to keep of each molecule, those of the largest weights.
    """

    summary: Path
    entries: dict[str, dict[str, Any]]
    most: int | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], subset: str | None = None, most: int | None = None) -> Geom:
        """From the summary itself or the folder it lies in; `subset` names one of several (qm9, drugs).

        Raises
        ------
        InputError
            When there is no summary, several, or none that can be read.
        """
        path = Path(path)
        found = [path] if path.is_file() else find_summaries(path)
        if subset is not None:
            found = [file for file in found if file.stem == f"summary_{subset}"]
        if not found:
            raise InputError(f"'{path}' holds no summary_{subset or '*'}.json; give the folder of GEOM that has it.")
        if len(found) > 1:
            names = ", ".join(file.stem.removeprefix("summary_") for file in found)
            raise InputError(f"'{path}' holds several summaries ({names}); choose one with --subset.")
        try:
            entries = json.loads(found[0].read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"'{found[0]}' is no valid JSON; get the file again.") from error
        if not isinstance(entries, dict) or not all(isinstance(value, dict) for value in entries.values()):
            raise InputError(f"'{found[0]}' does not map SMILES to molecules, as a summary of GEOM does.")
        return cls(found[0], entries, most)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"{LEVEL}, {self.summary.name}"

    @property
    def total(self) -> int:
        """Molecules in the summary."""
        return len(self.entries)

    @property
    def files(self) -> list[Path]:
        """What the manifest names by hash."""
        return [self.summary]

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule that passes the filters."""
        subset = self.summary.stem.removeprefix("summary_")
        for number, (smiles, entry) in enumerate(self.entries.items()):
            name = f"{subset}_{number:06d}"
            if not entry.get("pickle_path"):
                dropped.molecule("no conformers in the summary", name)
                continue
            try:
                structures = read_structures(self.summary.parent / entry["pickle_path"])
            except InputError as error:
                dropped.failure(name, str(error))
                continue
            try:
                yield ensemble_record(name, smiles, structures, dropped, LEVEL, self.most)
            except InputError as error:
                dropped.molecule(str(error), name)


def find_summaries(folder: Path) -> list[Path]:
    """Summaries in a folder or in its `rdkit_folder`."""
    return sorted(folder.glob("summary_*.json")) or sorted(folder.glob("rdkit_folder/summary_*.json"))


def read_structures(path: Path) -> list[Structure]:
    """Conformers of the pickle of one molecule.

    Raises
    ------
    InputError
        When the file is missing, damaged, refused, or holds something else.
    """
    content = safe_load(path)
    conformers = content.get("conformers") if isinstance(content, dict) else None
    if not isinstance(conformers, list) or not all(isinstance(item, dict) for item in conformers):
        raise InputError(f"'{path}' has no list 'conformers', as a molecule of GEOM has.")
    structures = []
    for item in conformers:
        if not isinstance(item.get("rd_mol"), Chem.Mol):
            raise InputError(f"'{path}' has a conformer without 'rd_mol', its RDKit molecule.")
        structures.append(Structure(Chem.Mol(item["rd_mol"]), *map(_number, map(item.get, _FACTS))))
    return structures


_FACTS = ("totalenergy", "boltzmannweight")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


FORMAT = Format(
    lambda path: path.suffix.lower() == ".json" if path.is_file() else bool(find_summaries(path)),
    lambda paths, options: Geom.open(paths[0], options.subset, options.most),
)
