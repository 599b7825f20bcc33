"""What a model was trained on: how many molecules had which traits and atom environments; `census.json` beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import add
from pathlib import Path
from typing import Any

from rdkit import Chem

from eginterpolator.chemistry.codes import KINDS, kind_code
from eginterpolator.chemistry.environments import Makeup, groups_of, makeup
from eginterpolator.errors import InputError
from eginterpolator.files.io import write_text

FILE = "census.json"
VERSION = 1
RARE = 3
"""What fewer simulated molecules had is called rare."""
FAR_SHARE = 0.5
"""Share of the atoms with unseen surroundings from which on a molecule is called unlike the training data."""
MOST_FAR = 24_000
"""Surroundings that a file keeps; the rarest beyond it are left out."""
MOST_PIECES = 4
"""Pieces of a molecule that one sentence names."""
TABLES = ("heavy_atoms", "traits", "near", "far")
Counts = dict[str, list[int]]


@dataclass(frozen=True)
class Coverage:
    """How much of a molecule a model has seen.

    Attributes
    ----------
    unseen : int
        Traits that no molecule of the training data had, and atoms whose near environment none had.
    sentences : list of str
        What was never seen, never simulated or is rare.
    """

    unseen: int
    sentences: list[str]


@dataclass
class Census:
    """Numbers of molecules in the training data of a model, of each of `KINDS` apart: a thermal ensemble is learnt
    from what was simulated, while minima teach bond lengths and angles.

    Attributes
    ----------
    source : list of str
        Where the numbers come from.
    stores : list of str
        SHA-256 of the stores that were counted.
    molecules : list of int
        Of each ensemble.
    tables : dict
        For each of `TABLES` what was seen -> molecules of each ensemble. `far` counts simulated molecules alone where
        there are some.
    far_from : int
        Surroundings of fewer molecules are left out of `far`.
    """

    source: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    molecules: list[int] = field(default_factory=lambda: [0] * len(KINDS))
    tables: dict[str, Counts] = field(default_factory=lambda: {name: {} for name in TABLES})
    far_from: int = 1

    def add(self, mol: Chem.Mol, ensemble: str) -> None:
        """Count a molecule once; hydrogens that are atoms, as an imine's SMILES may have them, are left out."""
        column, found = kind_code(ensemble), makeup(Chem.RemoveAllHs(mol))
        self.molecules[column] += 1
        for name, keys in _keys(found).items():
            for key in keys:
                self.tables[name].setdefault(key, [0] * len(KINDS))[column] += 1

    def add_all(self, other: Census) -> None:
        """Add the numbers of another census; a molecule that both have counts twice."""
        self._merge(other, add)

    def join(self, other: Census) -> None:
        """Take the larger of both numbers: for two censuses of much the same molecules."""
        self._merge(other, max)

    def _merge(self, other: Census, both: Callable[[int, int], int]) -> None:
        self.source += [text for text in other.source if text not in self.source]
        self.stores += [store for store in other.stores if store not in self.stores]
        self.molecules = list(map(both, self.molecules, other.molecules))
        self.far_from = max(self.far_from, other.far_from)
        for name, counts in other.tables.items():
            for key, more in counts.items():
                here = self.tables[name].get(key, [0] * len(KINDS))
                self.tables[name][key] = list(map(both, here, more))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `census.json`, small: of the surroundings at most `MOST_FAR`, the most frequent."""
        base = self._base()
        far = {key: counts[base] for key, counts in self.tables["far"].items() if counts[base]}
        least = self.far_from
        while sum(count >= least for count in far.values()) > MOST_FAR:
            least += 1
        content: dict[str, Any] = {
            "version": VERSION,
            "source": self.source,
            "stores": self.stores,
            "ensembles": list(KINDS),
            "molecules": self.molecules,
            **{name: dict(sorted(self.tables[name].items())) for name in TABLES[:-1]},
            "far_ensemble": KINDS[base],
            "far_from": least,
            "far": _by_count({key: count for key, count in far.items() if count >= least}),
        }
        lines = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in content.items()]
        write_text(Path(folder) / FILE, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Census | None:
        """The census in a model folder; None where there is none.

        Raises
        ------
        InputError
            When the file is damaged, or of a later version.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] != VERSION or content["ensembles"] != list(KINDS):
                raise InputError(f"'{path}' was written by another version of this program; fetch the model again.")
            column = KINDS.index(content["far_ensemble"])
            tables: dict[str, Counts] = {name: content[name] for name in TABLES[:-1]}
            tables["far"] = {
                key: [int(count) if k == column else 0 for k in range(len(KINDS))]
                for count, keys in content["far"].items()
                for key in (keys[at : at + 8] for at in range(0, len(keys), 8))
            }
            return cls(content["source"], content["stores"], content["molecules"], tables, content["far_from"])
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"'{path}' is damaged ({error}); fetch the model again, or delete the file.") from error

    def coverage(self, mol: Chem.Mol) -> Coverage:
        """Compare a molecule with implicit hydrogens with what was seen."""
        found, sentences, unseen = makeup(mol), [], 0
        for trait in sorted(found.traits, key=_trait_order):
            counts = self.tables["traits"].get(trait, [0] * len(KINDS))
            unseen += not any(counts)
            if how := self._how(counts):
                sentences.append(f"{trait}: {how}")
        largest = max((int(n) for n, counts in self.tables["heavy_atoms"].items() if counts[self._base()]), default=0)
        if found.n_heavy > largest:
            sentences.append(f"{found.n_heavy} heavy atoms: the largest {self._noun()}molecule had {largest}")
        atoms: dict[str, list[int]] = {}
        for atom, environment in enumerate(found.near):
            counts = self.tables["near"].get(environment, [0] * len(KINDS))
            unseen += not any(counts)
            if how := self._how(counts, exact=False):
                atoms.setdefault(how, []).append(atom)
        total = f"of {found.n_heavy} heavy atom{'s' if found.n_heavy > 1 else ''}"
        for how in sorted(atoms):
            pieces = list(dict.fromkeys(text for text, _ in groups_of(mol, atoms[how])))
            named = ", ".join(pieces[:MOST_PIECES]) + (", ..." if len(pieces) > MOST_PIECES else "")
            sentences.append(f"environment of {named}: {how} ({len(atoms[how])} {total})")
        sentences += self._far_sentence(found, total)
        return Coverage(unseen, sentences)

    def _far_sentence(self, found: Makeup, total: str) -> list[str]:
        """Said where too many atoms have surroundings that were never seen."""
        base, far = self._base(), self.tables["far"]
        new = sum(key not in far or not far[key][base] for key in found.far)
        if not far or new < FAR_SHARE * found.n_heavy or new < 2:
            return []
        seen = "never seen" if self.far_from == 1 else f"seen in fewer than {self.far_from} molecules"
        return [f"surroundings to two bonds: {seen} for {new} {total}"]

    def _how(self, counts: Sequence[int], exact: bool = True) -> str:
        """How often something was seen, in words, `exact` with its number; empty for what was seen often enough."""
        base = self._base()
        if not any(counts):
            return "never seen"
        if not counts[base]:
            return f"seen in minima only{f' ({max(counts):,})' if exact else ''}, never simulated"
        if counts[base] < RARE:
            number = str(counts[base]) if exact else f"fewer than {RARE}"
            return f"rare, {number} of {self.molecules[base]:,} {self._noun()}molecules"
        return ""

    def _base(self) -> int:
        """The ensemble that counts: the simulated one where there is one."""
        return 0 if self.molecules[0] or not self.molecules[1] else 1

    def _noun(self) -> str:
        return "simulated " if self._base() == 0 else ""


def census_of(mols: Iterable[tuple[Chem.Mol, str]], source: str, stores: Sequence[str] = ()) -> Census:
    """Census of molecules with implicit hydrogens, each with its ensemble."""
    census = Census([source], list(stores))
    for mol, ensemble in mols:
        census.add(mol, ensemble)
    return census


def _keys(found: Makeup) -> dict[str, set[str]]:
    return {
        "heavy_atoms": {str(found.n_heavy)},
        "traits": set(found.traits),
        "near": set(found.near),
        "far": set(found.far),
    }


def _by_count(counts: dict[str, int]) -> dict[str, str]:
    """Keys of eight letters that have the same count, joined."""
    grouped: dict[int, list[str]] = {}
    for key, count in counts.items():
        grouped.setdefault(count, []).append(key)
    return {str(count): "".join(sorted(grouped[count])) for count in sorted(grouped)}


def _trait_order(trait: str) -> tuple[int, str]:
    kinds = ("element", "net charge", "charge", "unpaired", "ring", "trans", "cis")
    return next(k for k, kind in enumerate(kinds) if trait.startswith(kind)), trait
