"""Conformer ensembles of many molecules: minimised, without duplicates, with Boltzmann weights, in a store.

Each molecule is written as a store of its own into a folder beside the dataset (`NAME_run/`), by whoever works on it;
at the end they are put together. An interrupted build goes on where it was, and further molecules can be added.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.splits import exclusions
from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import Hooks, RunResult, run_molecules
from eginterpolator.jobs.tasks import Step, Workers
from eginterpolator.simulation.api import replica_seed
from eginterpolator.simulation.ensembles import DUPLICATE, WINDOW, boltzmann_weights, low_minima
from eginterpolator.simulation.hot import hot_structures
from eginterpolator.simulation.refine import METHODS, relaxer, require_method

log = logging.getLogger(__name__)

STARTS = {"etkdg": "ETKDGv3", "mixed": "ETKDGv3 and replicas in OBC2 at 500 K"}
SUMMARY = ("name", "smiles", "n_heavy", "embedded", "dropped", "conformers", "lowest_kcal", "seconds")


@dataclass(frozen=True, kw_only=True)
class ConformerSettings:
    """How the ensemble of a molecule is made.

    Attributes
    ----------
    method : str
        One of `METHODS`.
    embed : int
        Structures to start from.
    starts : str
        One of `STARTS`: all of them from ETKDGv3, or half of them picked far apart from replicas at 500 K, which
        GFN2-xTB then minimises without MMFF94s before.
    prune_rmsd_angstrom : float
        Embedded structures nearer than this to another (heavy atoms) are not minimised; a negative number keeps all.
    duplicate_rmsd_angstrom : float
        Minima nearer than this to a lower one are left out: heavy atoms and hydrogens of N, O and S, best over
        symmetry. 0.125 is CREST's threshold (Pracht et al. 2020), which the GEOM dataset was made with.
    energy_window_kcal : float
        Minima higher than this above the lowest are left out; 6 is CREST's window.
    temperature_K : float
        Of the Boltzmann weights.
    seed : int
    """

    method: str = "mmff"
    embed: int = 50
    starts: str = "etkdg"
    prune_rmsd_angstrom: float = 0.1
    duplicate_rmsd_angstrom: float = 0.125
    energy_window_kcal: float = 6.0
    temperature_K: float = 298.15
    seed: int = 0

    def __post_init__(self) -> None:
        require_method(self.method)
        if self.starts not in STARTS:
            raise InputError(f"'{self.starts}' is no way to start; use one of {', '.join(STARTS)}.")
        if self.embed < 1 or self.seed < 0 or not self.energy_window_kcal > 0 or not self.temperature_K > 0:
            raise InputError(
                "Conformers need one embedding or more, a seed of 0 or more, and a positive energy window and "
                "temperature."
            )


def conformer_record(molecule: Molecule, settings: ConformerSettings) -> tuple[Record, dict[str, Any]]:
    """The ensemble of one molecule, lowest energy first, and what became of the embedded structures.

    Minima that lost the molecule's stereo or its bonds, and those that were not reached, are left out and counted.

    Raises
    ------
    InputError
        When the method does not know the molecule.
    GenerationError
        When nothing is left.
    """
    seed = replica_seed(molecule, settings.seed, 0)
    asked = settings.embed if settings.starts == "etkdg" else -(-settings.embed // 2)
    mol = embed(molecule, asked, seed, settings.prune_rmsd_angstrom)
    if not mol.GetNumConformers():
        raise GenerationError(f"RDKit's ETKDG finds no 3D structure for {molecule.smiles}.")
    starts = np.stack([conformer.GetPositions() for conformer in mol.GetConformers()])
    if settings.starts == "mixed":
        starts = np.concatenate([starts, hot_structures(molecule, starts, settings.embed - asked, seed)])
    counts = Counter(embedded=len(starts))
    found = low_minima(
        molecule, starts, relaxer(settings.method, molecule, threads=1, through_mmff=settings.starts == "etkdg"),
        window_kcal=settings.energy_window_kcal, duplicate_rmsd=settings.duplicate_rmsd_angstrom,
    )  # fmt: skip
    reasons = Counter({why: n for why, n in found.dropped.items() if why not in (WINDOW, DUPLICATE)})
    counts["dropped"] = sum(reasons.values())
    why = "; ".join(f"{reason} ({count} times)" for reason, count in reasons.most_common())
    if reasons:
        log.info("%s: %d of %d structures left out: %s", molecule.name, counts["dropped"], counts["embedded"], why)
    if not len(found.energies_kcal):
        raise GenerationError(f"No conformer of {molecule.smiles} is left: {why}.")
    record = Record(
        molecule.name,
        Molecule(molecule.rdmol, molecule.name),
        conformers=found.positions.astype(np.float32),
        ensemble="minimum",
        source=_source(settings),
        energies_kcal=found.energies_kcal,
        weights=boltzmann_weights(found.energies_kcal, settings.temperature_K),
    )
    return record, {**counts, "conformers": len(found.positions), "lowest_kcal": float(found.energies_kcal[0])}


def _source(settings: ConformerSettings) -> str:
    return f"{STARTS[settings.starts]}, {METHODS[settings.method]}"


def build_conformers(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    settings: ConformerSettings,
    *,
    exclude: Sequence[Path] = (),
    with_held_out: bool = False,
    failures: Sequence[Failure] = (),
    overwrite: bool = False,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Conformer ensembles of all molecules into the store `out`, and its manifest `<out>.json`.

    `<out without suffix>_run/` holds summary.csv, failures.csv and, until the store is complete, a file a molecule.
    Molecules that the store has already are kept, and not made again unless `overwrite`.

    Parameters
    ----------
    exclude : sequence of path
        .smi files or folders whose molecules are left out (by `split_key`).
    with_held_out : bool
        Keep the molecules that the project never trains on (`splits.held_out_lists`).

    Raises
    ------
    InputError
        When the store was made with other settings, or the workers cannot be used.
    """
    out = Path(out)
    excluded = exclusions(exclude, with_held_out)
    wanted = [molecule for molecule in molecules if molecule.split_key not in excluded]
    out_of = Counter(excluded[molecule.split_key] for molecule in molecules if molecule.split_key in excluded)
    known = _known(out, settings, overwrite)
    run = out.resolve().with_name(f"{out.stem}_run")
    task = _Ensemble(run, settings, overwrite)
    rows = _rows(run / "summary.csv")

    def finished(molecule: Molecule) -> dict[str, Any] | None:
        if molecule.name not in known:
            return None if overwrite else task.finished(molecule)
        if not molecule.is_named_by(known[molecule.name]):
            raise InputError(
                f"'{out}' holds another molecule named '{molecule.name}'; rename one, or pass --overwrite."
            )
        return {**rows.get(molecule.name, {}), "smiles": molecule.smiles}

    result = run_molecules(
        wanted, run, task, finished, SUMMARY, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip
    made = [name for name in (*result.done, *result.skipped) if name not in known]
    if made or not out.is_file():
        dropped = {**out_of, "failed, see failures.csv": len(result.failures)}
        _assemble(out, [run / f"{name}.h5" for name in made], keep=bool(known), settings=settings, dropped=dropped)
    for name in made:
        for path in (run / f"{name}.h5", run / f"{name}.h5.json"):
            path.unlink(missing_ok=True)
    return result


@dataclass(frozen=True)
class _Ensemble:
    """The work on one molecule: a store of its own in `run`, with what became of it in the manifest."""

    run: Path
    settings: ConformerSettings
    overwrite: bool

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Facts of the molecule's own store, None where it is to be made."""
        path = self.run / f"{molecule.name}.h5"
        if not path.is_file():
            return None
        manifest = _manifest(path)
        if _settings(manifest) != asdict(self.settings) or not molecule.is_named_by(manifest):
            return None  # of an interrupted build with other settings
        return {**manifest["facts"], "smiles": molecule.smiles}

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        if not self.overwrite and (facts := self.finished(molecule)) is not None:
            return facts
        began = time.perf_counter()
        record, facts = conformer_record(molecule, self.settings)
        facts["seconds"] = round(time.perf_counter() - began, 2)
        provenance = {"settings": asdict(self.settings), **molecule.named, "facts": facts}
        path = self.run / f"{molecule.name}.h5"
        Path(f"{path}.json").unlink(missing_ok=True)
        with write_store(path, provenance) as writer:
            writer.add(record)
        return {**facts, "smiles": molecule.smiles}


def _known(out: Path, settings: ConformerSettings, overwrite: bool) -> dict[str, dict[str, str]]:
    """What the store says of the molecules that it has already, by name."""
    if overwrite or not out.is_file():
        return {}
    if _settings(_manifest(out)) != asdict(settings):
        raise InputError(
            f"'{out}' holds conformers of other settings; choose another --out, or pass --overwrite to replace it."
        )
    with Store(out) as store:
        return {name: store.named(name) for name in store.names}


def _manifest(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _settings(manifest: dict[str, Any]) -> dict[str, Any]:
    """Settings in a manifest; one that is older than `starts` had ETKDG's."""
    return {"starts": "etkdg", **manifest.get("settings", {})}


def _rows(summary: Path) -> dict[str, dict[str, str]]:
    """Rows, by name, of the table that an earlier build wrote."""
    if not summary.is_file():
        return {}
    with open(summary, newline="", encoding="utf-8") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def _assemble(
    out: Path, parts: Sequence[Path], keep: bool, settings: ConformerSettings, dropped: dict[str, int]
) -> None:
    """Write the store of the molecules that it had, where `keep`, and of those in `parts`."""
    provenance = {
        "source": _source(settings),
        "settings": asdict(settings),
        "dropped": {reason: count for reason, count in dropped.items() if count},
    }
    with write_store(out, provenance) as writer:
        for record in _records([out, *parts] if keep else parts):
            writer.add(record)


def _records(stores: Iterable[Path]) -> Iterator[Record]:
    for path in stores:
        with Store(path) as store:
            yield from store
