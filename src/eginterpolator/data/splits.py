"""Splits by molecule, never by frame: isomers and ions of one molecule stay on one side (`chemistry.identity`)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.identity import split_key
from eginterpolator.errors import InputError
from eginterpolator.files.tables import smiles_lines


def split_fraction(key: str) -> float:
    """A number in [0, 1) that depends on the molecule's key alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) / 16**12


def validation_mask(keys: Iterable[str], share: float) -> np.ndarray:
    """True for molecules that are held out as validation: the same ones in every dataset; bool [M]."""
    return np.array([split_fraction(str(key)) < share for key in keys], dtype=bool)


SPLITS = ("train", "validation", "test")


def split_of(key: str, validation: float, test: float) -> str:
    """Which of `SPLITS` a molecule's key falls into; `validation` are the molecules of `validation_mask`."""
    fraction = split_fraction(key)
    return "validation" if fraction < validation else "test" if fraction < validation + test else "train"


def read_exclusions(paths: Iterable[Path]) -> set[str]:
    """`split_key` of the molecules in .smi files and in molecule folders (`meta.json`), which must not be trained on.

    Raises
    ------
    InputError
        When a path does not exist, or what it holds cannot be read: nothing is left out in silence.
    """
    keys = set()
    for path in paths:
        if path.is_dir():
            metas = sorted(path.glob("**/meta.json"))
            keys |= {split_key(_meta_smiles(meta)) for meta in metas}
            if not metas:
                raise InputError(f"'{path}' holds no meta.json to exclude molecules by.")
        elif path.is_file():
            keys |= {split_key(smiles) for _, smiles, _ in smiles_lines(path)}
        else:
            raise InputError(f"There is no file or folder '{path}' to exclude molecules by.")
    return keys


EXCLUDED = "excluded, for example as a test molecule"


@cache
def held_out_lists() -> dict[str, str]:
    """`split_key` -> list, of the molecules that no model is to be trained on: the lists in `data/lists`.

    Those are the published test molecules, and what the project's own tables are made and its settings chosen with. Of
    a salt the largest part counts.
    """
    keys: dict[str, str] = {}
    for path in sorted((resources.files("eginterpolator") / "data" / "lists").iterdir(), key=lambda each: each.name):
        if path.name.endswith(".smi"):
            for _, smiles, _ in smiles_lines(Path(str(path))):
                keys.setdefault(split_key(max(smiles.split("."), key=len)), path.name.removesuffix(".smi"))
    return keys


def held_out_counts(keys: Iterable[str]) -> Counter[str]:
    """How many of the molecules, given by their keys, each list of `held_out_lists` names."""
    lists = held_out_lists()
    return Counter(lists[key] for key in map(str, keys) if key in lists)


def exclusions(paths: Iterable[Path], with_held_out: bool = False) -> dict[str, str]:
    """`split_key` -> why a molecule is left out of data: it is in one of `paths`, or in the lists of the package.

    Parameters
    ----------
    paths : iterable of path
        As `read_exclusions`.
    with_held_out : bool
        Keep the molecules of `held_out_lists`: for data to judge by, never to train on.

    Raises
    ------
    InputError
        When a path cannot be read.
    """
    lists = {} if with_held_out else {key: f"held out by the list {name}" for key, name in held_out_lists().items()}
    return {**lists, **dict.fromkeys(read_exclusions(paths), EXCLUDED)}


def _meta_smiles(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["smiles"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' names no SMILES to exclude a molecule by.") from error
