"""References made on the fly: simulations of the molecules that are to be judged and have none."""

from __future__ import annotations

import os
from pathlib import Path

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError
from eginterpolator.evaluation.sources import read_source, trajectory_sources
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import Hooks, RunResult
from eginterpolator.jobs.tasks import Workers
from eginterpolator.simulation.job import simulate_many
from eginterpolator.simulation.protocol import Protocol, protocol_named

REFERENCE_NS, REFERENCE_SAVE_PS = 2.6, 1.3
"""Of each replica: as long as the models' trajectories of 500 frames, four frames for one of theirs."""


def beside(generated: str | os.PathLike[str]) -> Path:
    """Where references of a folder go if nobody says: `<folder>_md`."""
    path = Path(generated).resolve()
    return path.with_name(f"{path.name}_md")


def simulate_references(
    generated: str | os.PathLike[str],
    out: str | os.PathLike[str],
    protocol: Protocol | str = "implicit",
    *,
    ns: float = REFERENCE_NS,
    save_ps: float = REFERENCE_SAVE_PS,
    seed: int = 0,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Simulate every molecule of `generated` into `out/<name>/`; what is there from before stays.

    Replicas are the engine's number (16 in lanes); blocks of them against the others are the evaluation's oracle.

    Parameters
    ----------
    generated : path
        Whatever `egi evaluate` reads.
    ns, save_ps : float
        Length of each replica, and time between its frames.

    Returns
    -------
    RunResult
        With what could not be read or simulated in `failures`.

    Raises
    ------
    InputError
        When a setting makes no run, the packages of `[md]` are missing, or there is nothing to judge.
    """
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    molecules, failures = [], []
    for name, source in trajectory_sources(generated).items():
        try:
            molecule = read_source(source)[0]
        except EGIError as error:
            failures.append(Failure(name, "", str(error)))
            continue
        molecules.append(Molecule(molecule.rdmol, name))
    return simulate_many(
        molecules, out, protocol, ns=ns, save_ps=save_ps, seed=seed, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip
