"""Structures of many molecules at many temperatures, in OBC2, in vacuum, and relaxed: `simulation.spread`.

    egi data thermal-md qm9|INPUT --temperatures 250:500 --out OUT [--workers 2] ...

A folder holds `molecule.sdf` (all atoms, heavy atoms first, stereo, one structure), `frames.npz` (positions float32
[K, n_atoms, 3] Å, ensembles str [K], temperatures_K float32 [K], smiles) and `meta.json`. It is renamed into place when
complete, so an interrupted job goes on where it was; failures are listed in `failures.csv`. Structures with other bonds
or another stereo are left out and counted; a molecule that loses more than a tenth of them has failed. The dataset is
made by `egi data thermal OUT`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import protonation_facts
from eginterpolator.data.replicas import structure_faults
from eginterpolator.data.thermal import folder_meta
from eginterpolator.errors import InputError
from eginterpolator.files.folder import appearing_folder
from eginterpolator.files.inputs import Failure
from eginterpolator.files.io import write_json
from eginterpolator.files.sdf import write_sdf
from eginterpolator.jobs.molecules import Hooks, RunResult, run_molecules
from eginterpolator.jobs.tasks import Step, Workers
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.parameters import require_parameters
from eginterpolator.simulation.spread import SpreadSettings, Structures, spread_structures

SUMMARY = ("name", "smiles", "n_heavy", "n_atoms", "structures", "dropped", "accepted", "seconds", "cpu_seconds")
MOST_DROPPED = 0.1
"""Share of the structures of a molecule that may be unsound."""


def sound_structures(molecule: Molecule, made: Structures) -> tuple[Structures, Counter[str]]:
    """The structures with the bonds and the stereo of the molecule, and how many are left out by reason.

    Raises
    ------
    SimulationError
        When more than `MOST_DROPPED` of them are.
    """
    faults = structure_faults(molecule, made.positions)
    reasons = Counter(str(fault) for fault in faults if fault)
    if sum(reasons.values()) > MOST_DROPPED * len(faults):
        reason, count = reasons.most_common(1)[0]
        raise SimulationError(f"{molecule.smiles}: {reason}, {count} of {len(faults)}.")
    kept = faults == ""
    return (
        Structures(made.positions[kept], made.ensembles[kept], made.temperatures_K[kept], made.accepted), reasons
    )  # fmt: skip


@dataclass(frozen=True)
class _Spread:
    """The work on one molecule of a job."""

    out: Path
    settings: SpreadSettings
    seed: int

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Meta data of the molecule's folder, None where there is work to do."""
        folder = self.out / molecule.name
        meta = folder_meta(folder)
        if meta is None:
            return None
        if not molecule.is_named_by(meta) or meta.get("spread") != asdict(self.settings):
            raise InputError(f"'{folder}' holds another molecule, or runs of other settings; choose another folder.")
        return meta

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        if (meta := self.finished(molecule)) is not None:
            return meta
        clock, cpu = time.perf_counter(), time.process_time()
        seed = int(np.random.default_rng([self.seed, 2, *molecule.smiles.encode()]).integers(2**30))
        made, reasons = sound_structures(molecule, spread_structures(molecule, self.settings, seed))
        meta = {
            "name": molecule.name,
            **molecule.named,
            "n_atoms": molecule.n_atoms,
            "n_heavy": molecule.n_heavy,
            "structures": dict(Counter(made.ensembles.tolist())),
            "dropped": dict(reasons),
            "seed": seed,
            "spread": asdict(self.settings),
            "protocol": self.settings.protocol().to_dict(),
            "ensemble": "thermal",
            "temperature_K": None,
            **protonation_facts(molecule),
            "accepted": round(made.accepted, 3),
            "seconds": round(time.perf_counter() - clock, 2),
            "cpu_seconds": round(time.process_time() - cpu, 3),
        }
        with appearing_folder(self.out / molecule.name) as building:
            write_sdf(building / "molecule.sdf", molecule, made.positions[:1])
            np.savez(
                building / "frames.npz", positions=made.positions, ensembles=made.ensembles,
                temperatures_K=made.temperatures_K, smiles=molecule.smiles,
            )  # fmt: skip
            write_json(building / "meta.json", meta)
        return meta


def run_spread(
    molecules: Iterable[Molecule],
    out: str | os.PathLike[str],
    settings: SpreadSettings,
    seed: int = 0,
    *,
    failures: Sequence[Failure] = (),
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Structures of all molecules into `out/<name>/`, with `out/summary.csv` and `out/failures.csv`.

    Raises
    ------
    InputError
        When the `[md]` packages or a compiler are missing, or something else is in a folder's place.
    """
    LANES.check("auto")
    require_parameters(settings.protocol())
    task = _Spread(Path(out).resolve(), settings, seed)
    return run_molecules(
        molecules, out, task, task.finished, SUMMARY, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip
