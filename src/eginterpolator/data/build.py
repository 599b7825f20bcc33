"""Build dataset stores: one pipeline for every reader, with counts of what was left out and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eginterpolator.data.check import read_manifest
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Reader
from eginterpolator.data.readers.folders import MoleculeFolders, ThermalFolders
from eginterpolator.data.readers.qm9 import QM9
from eginterpolator.data.splits import SPLITS, exclusions, split_of
from eginterpolator.data.store import Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256

Progress = Callable[[int, str], None]
"""Told how many molecules are done, and the last one's name."""


def build(
    reader: Reader,
    out: str | os.PathLike[str],
    exclude: Sequence[Path] = (),
    limit: int | None = None,
    progress: Progress = lambda done, name: None,
    with_held_out: bool = False,
) -> dict[str, Any]:
    """Write what a reader gives into a store, without the molecules of `exclude`; returns the manifest.

    The molecules that the project never trains on (`splits.held_out_lists`) are left out too, unless `with_held_out`.

    The manifest says by reason how many molecules (`dropped`) and how many of their conformers or replicas
    (`dropped_structures`) were left out, names the first of each (`dropped_names`) and what could not be read
    (`failures`), and has the SHA-256 of the store, of each group, and of the reader's `files`.

    Raises
    ------
    InputError
        When no molecule is left, or an exclusion cannot be read; `out` is then as it was.
    """
    excluded = exclusions(exclude, with_held_out)
    dropped = Dropped()
    provenance: dict[str, Any] = {"source": reader.source, "inputs": {f.name: sha256(f) for f in reader.files}}
    with write_store(out, provenance) as writer:
        for record in reader.records(dropped):
            reason = excluded.get(record.molecule.split_key)
            if reason is not None:
                dropped.molecule(reason, record.name)
            else:
                writer.add(record)
            progress(writer.molecules + dropped.molecules, record.name)
            if limit is not None and writer.molecules >= limit:
                break
        if not writer.molecules:
            reasons = "; ".join([*dropped.counts, *list(dropped.failures.values())[:1]]) or "there is none"
            raise InputError(f"No molecule of {reader.source} is left for a dataset: {reasons.rstrip('.')}.")
        provenance.update(dropped.manifest())
    return _manifest(out)


def build_qm9(out: str | os.PathLike[str], exclude: Sequence[Path] = (), limit: int | None = None) -> dict[str, Any]:
    """QM9's geometries; see `build`."""
    return build(QM9(), out, exclude, limit)


def build_trajectories(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], exclude: Sequence[Path] = ()
) -> dict[str, Any]:
    """Trajectories of molecule folders (SDF, topology and one XTC a replica); see `build`."""
    return build(MoleculeFolders.open(folder), out, exclude)


def build_thermal(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], exclude: Sequence[Path] = ()
) -> dict[str, Any]:
    """Short simulations of many molecules as `egi data thermal-md` writes them; see `build`."""
    return build(ThermalFolders.open(folder), out, exclude)


def split_store(
    path: str | os.PathLike[str], out: str | os.PathLike[str], validation: float = 0.1, test: float = 0.1
) -> dict[str, dict[str, Any]]:
    """Split a store by molecule into `<out>/train.h5`, `validation.h5` and `test.h5`; returns the manifests.

    The side of a molecule depends on its `held_out_key` alone (`split_of`): isomers and ions stay together, and every
    dataset that is split with the same shares agrees.

    Raises
    ------
    InputError
        When the shares are impossible, a part would be empty, or the store is damaged.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(f"Shares of {validation:g} and {test:g} leave nothing to train on; give smaller ones.")
    manifests = {}
    with Store(path) as store:
        sides: dict[str, list[str]] = {split: [] for split in SPLITS}
        for name in store.names:
            sides[split_of(store[name].molecule.held_out_key, validation, test)].append(name)
        wanted = {"train": True, "validation": validation > 0, "test": test > 0}
        if empty := [split for split in SPLITS if wanted[split] and not sides[split]]:
            raise InputError(f"'{path}' has too few molecules ({len(store)}): no one falls into {empty[0]}.")
        for split in (split for split in SPLITS if wanted[split]):
            target = Path(out) / f"{split}.h5"
            facts = {"source": f"{split} of {Path(path).name}", "shares": {"validation": validation, "test": test}}
            with write_store(target, {**facts, "inputs": {Path(path).name: sha256(path)}}) as writer:
                for name in sides[split]:
                    writer.add(store[name])
            manifests[split] = _manifest(target)
    return manifests


def _manifest(out: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest without the hashes of the groups."""
    return {key: value for key, value in (read_manifest(out) or {}).items() if key != "groups"}
