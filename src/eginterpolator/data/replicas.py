"""Replicas or structures of one molecule -> a record: what does not fit, broke or changed its stereo is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.chemistry.codes import SAMPLES
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.filters import Dropped, graph_holds, intact
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions

UNKNOWN = Conditions()


@dataclass(frozen=True)
class Replica:
    """Frames float32 [T, n_atoms or n_heavy, 3] in Å, in its order, every `frame_ps`; `label` names the file."""

    label: str
    positions: np.ndarray
    frame_ps: float


def replicas_record(
    molecule: Molecule,
    replicas: Sequence[Replica],
    dropped: Dropped,
    source: str,
    stride: int = 1,
    conditions: Conditions = UNKNOWN,
    heavy: bool = False,
) -> Record:
    """The replicas that are whole: a record holds one array, so all have the commonest length and spacing.

    A replica is left out, and counted in `dropped`, when its first frame shows other bonds or another stereoisomer
    than the molecule, a bond breaks on the way, it is not finite, or its length or spacing is another. All frames are
    looked at, and every `stride`-th of them kept.

    Parameters
    ----------
    conditions : Conditions
        What the frames are samples of.
    heavy : bool
        Whether the replicas have heavy atoms only, instead of all.

    Raises
    ------
    InputError
        With the commonest reason, when no replica is left.
    """
    reasons: Counter[str] = Counter()
    kept = []
    for replica in replicas:
        if reason := _fault(molecule, replica, molecule.n_heavy if heavy else molecule.n_atoms):
            reasons[reason] += 1
            dropped.structure(reason, f"{molecule.name}, {replica.label}")
        else:
            kept.append(replica)
    shapes = Counter((len(replica.positions), round(replica.frame_ps, 6)) for replica in kept)
    if not shapes:
        raise InputError(reasons.most_common(1)[0][0] if reasons else "no replica")
    (length, spacing), _ = shapes.most_common(1)[0]
    chosen = []
    for replica in kept:
        if (len(replica.positions), round(replica.frame_ps, 6)) == (length, spacing):
            chosen.append(replica.positions[::stride])
        else:
            dropped.structure("a replica of another length or spacing", f"{molecule.name}, {replica.label}")
    return Record(
        molecule.name, molecule, None, np.stack(chosen), spacing * stride, conditions.ensemble, source,
        temperature_K=conditions.temperature_K, friction_per_ps=conditions.friction_per_ps,
    )  # fmt: skip


def structure_faults(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """What is wrong with each of the structures [K, n_atoms, 3] Å, str [K]; empty where nothing is."""
    faults = np.where(frame_stereo(molecule, positions), "", "a structure of another stereoisomer").astype(object)
    faults[~graph_holds(molecule, positions)] = "a structure whose bonds are not those of its graph"
    faults[~np.isfinite(positions).all(axis=(1, 2))] = "a structure with coordinates that are not finite"
    return faults


def structures_record(
    molecule: Molecule,
    positions: np.ndarray,
    ensembles: Sequence[str],
    temperatures_K: np.ndarray,
    dropped: Dropped,
    source: str,
    friction_per_ps: float | None = None,
) -> Record:
    """A record of the sound ones of structures [K, n_atoms, 3] Å, each of its ensemble and temperature (0: a minimum).

    Raises
    ------
    InputError
        When none is sound, or an ensemble is none of `SAMPLES`.
    """
    if unknown := set(ensembles) - set(SAMPLES):
        raise InputError(f"'{min(unknown)}' is not an ensemble; use one of {', '.join(SAMPLES)}.")
    faults = structure_faults(molecule, positions)
    reasons = Counter(str(fault) for fault in faults if fault)
    for reason, count in reasons.items():
        dropped.structure(reason, molecule.name, count)
    sound = faults == ""
    if not sound.any():
        raise InputError(reasons.most_common(1)[0][0] if reasons else "no structure")
    codes = np.array([SAMPLES.index(name) for name in ensembles], dtype=np.int8)[sound]
    minima = bool((codes == SAMPLES.index("minimum")).all())
    return Record(
        molecule.name, molecule, positions[sound], ensemble="minimum" if minima else "thermal", source=source,
        friction_per_ps=friction_per_ps, ensembles=codes,
        temperatures_K=np.asarray(temperatures_K, dtype=np.float32)[sound],
    )  # fmt: skip


def _fault(molecule: Molecule, replica: Replica, n_atoms: int) -> str:
    positions = replica.positions
    if positions.shape[1] != n_atoms:
        return "a replica without hydrogens"
    if not np.isfinite(positions).all():
        return "a replica with coordinates that are not finite"
    if not graph_holds(molecule, positions[:1])[0]:
        return "a replica whose bonds are not those of its graph"
    if not intact(molecule, positions[None]):
        return "a replica has broken bonds"
    if not frame_stereo(molecule, positions[:1])[0]:
        return "a replica starts as another stereoisomer"
    return ""
