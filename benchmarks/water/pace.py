"""Times of torsions in explicit water and in lanes of OBC2 at several frictions, molecule by molecule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import mdtraj
import numpy as np
from rdkit import Chem

from eginterpolator.analysis.clocks import measured, pooled_times, transitions_of
from eginterpolator.chemistry.identity import split_key
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.readers.water import PackedSimulations, read_group
from eginterpolator.data.splits import held_out_lists
from eginterpolator.errors import InputError
from eginterpolator.evaluation.published_protocol.torsion_list import published_torsions, torsion_angles
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.api import RunSettings, run_replicas
from eginterpolator.simulation.protocol import WATER_FRICTION_PER_PS, ImplicitProtocol

REPLICAS, EQUILIBRATION_PS, SEED = 16, 200.0, 5
SHORTEST_PS, LONGEST_PS = 5.0, 700.0
"""Times in water between which a torsion counts."""
BOUND_SHARE = 0.2
"""Share of the frames in which an intramolecular hydrogen bond makes a molecule one that has it."""
ENVIRONMENTS = ("ring", "amide or ester", "polar chain", "aryl end", "alkyl")
POLAR = ("N", "O", "P", "S")


@dataclass(frozen=True)
class Water:
    """A molecule's replicas in water: frames of heavy atoms [T, n_heavy, 3] each, Å."""

    molecule: Molecule
    frames: list[np.ndarray]
    frame_ps: float

    @property
    def ns(self) -> float:
        """Length of a replica."""
        return float(len(self.frames[0]) * self.frame_ps / 1000)

    @property
    def digest(self) -> str:
        """Of the molecule and its frames, by which an earlier result is known again."""
        held = hashlib.sha256(self.molecule.smiles.encode())
        for x in self.frames:
            held.update(np.rint(x[::50] * 100).astype(np.int32).tobytes())
        return held.hexdigest()[:16]


def read_water(sources: Iterable[Path]) -> list[Water]:
    """Every finished molecule of packed files and of folders of molecule folders, each name once.

    Raises
    ------
    InputError
        When a source holds none.
    """
    found: dict[str, Water] = {}
    for source in sources:
        if source.is_dir():
            finished = [path.parent for path in sorted(source.glob("[!.]*/meta.json"))]
            if not finished:
                raise InputError(f"'{source}' holds no finished molecule folder.")
            for folder in (each for each in finished if each.name not in found):
                molecule, trajectories, _ = read_molecule_folder(folder)
                found[folder.name] = Water(molecule, [t.heavy for t in trajectories], trajectories[0].frame_ps)
            continue
        with h5py.File(source, "r") as file:
            for name in (each for each in PackedSimulations.open(source).names if each not in found):
                molecule, replicas, _ = read_group(file[name], name)
                found[name] = Water(molecule, [r.positions for r in replicas], replicas[0].frame_ps)
    return list(found.values())


def refuse_held_out(waters: Iterable[Water]) -> None:
    """InputError for a molecule that settings are not to be chosen by."""
    for water in waters:
        if name := held_out_lists().get(split_key(water.molecule.smiles)):
            raise InputError(
                f"'{water.molecule.name}' is held out by the list {name}; leave it away, no friction is chosen by it."
            )


def environment(mol: Chem.Mol, quadruple: Sequence[int]) -> str:
    """Which of `ENVIRONMENTS` the middle bond of a torsion lies in, of a molecule without hydrogens.

    A chain is polar where an end of the bond, or a neighbour of one, is N, O, P or S outside of aromatic rings, or is
    bound to one of these by a multiple bond.
    """
    ends = [mol.GetAtomWithIdx(int(index)) for index in quadruple[1:3]]
    if mol.GetBondBetweenAtoms(*(end.GetIdx() for end in ends)).IsInRing():
        return "ring"
    acyl = [end.GetSymbol() == "C" and _doubly_bound(end) for end in ends]
    if any(acyl[k] and ends[1 - k].GetSymbol() in "NO" for k in range(2)):
        return "amide or ester"
    if any(_polar(atom) for end in ends for atom in (end, *end.GetNeighbors())):
        return "polar chain"
    return "aryl end" if any(end.GetIsAromatic() for end in ends) else "alkyl"


def _polar(atom: Chem.Atom) -> bool:
    return not atom.GetIsAromatic() and (atom.GetSymbol() in POLAR or _doubly_bound(atom))


def _doubly_bound(atom: Chem.Atom) -> bool:
    """Whether it has a multiple bond, outside of aromatic rings, to N, O, P or S."""
    return any(
        bond.GetBondTypeAsDouble() >= 2 and bond.GetOtherAtom(atom).GetSymbol() in POLAR for bond in atom.GetBonds()
    )


def hydrogen_bond(molecule: Molecule, positions: Sequence[np.ndarray], share: float = BOUND_SHARE) -> bool:
    """Whether one of the molecule's own hydrogen bonds (Baker and Hubbard) is in that share of frames [T, N, 3] Å."""
    frames = np.concatenate(list(positions))
    traj = Trajectory(molecule, frames, 1.0).to_mdtraj()
    return len(mdtraj.baker_hubbard(traj, freq=share, periodic=False)) > 0


def logs_of(groups: Sequence[Sequence[np.ndarray]], frame_ps: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean logarithm of the torsions' times over groups of replicas [T, K], and where it is a bound: float, bool [K].

    A group in which a torsion does not forget counts with the longest lag.
    """
    found = [pooled_times(group, frame_ps, draws=0) for group in groups]
    unknown = np.array([~np.isfinite(each.ps) for each in found])
    times = np.array([np.where(np.isfinite(each.ps), each.ps, each.bound_ps) for each in found])
    return np.log(np.maximum(times, 1e-3)).mean(axis=0), unknown.mean(axis=0) >= 0.5


def grouped(angles: Sequence[np.ndarray], size: int) -> list[list[np.ndarray]]:
    """Whole groups of `size` replicas; one of all where there are fewer."""
    count = max(1, len(angles) // size)
    return [list(angles[k * size : (k + 1) * size]) for k in range(count)]


def ratios(ours: tuple[np.ndarray, np.ndarray], theirs: np.ndarray, counted: np.ndarray) -> list[Any]:
    """[ratio, whether it is a bound] of the torsions that count, None of others; of `logs_of` and logarithms [K]."""
    return [
        [float(np.exp(ours[0][k] - theirs[k])), bool(ours[1][k])] if counted[k] else None for k in range(len(counted))
    ]


def counts(angles: Sequence[np.ndarray], frame_ps: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the times of replicas in water, [K], and which torsions can be judged, bool [K]."""
    found = pooled_times(angles, frame_ps, draws=0)
    inside = (found.ps > SHORTEST_PS) & (found.ps < LONGEST_PS)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(found.ps), measured(found, transitions_of(angles), frame_ps) & inside


Simulated = Callable[["Water", float], list[np.ndarray]]
"""Replicas [T, N, 3] Å in implicit solvent at a friction, as many frames and as far apart as those in water."""


def in_lanes(water: Water, friction: float) -> list[np.ndarray]:
    """Replicas in OBC2 from spread conformers; InputError or SimulationError where lanes cannot run the molecule."""
    protocol = ImplicitProtocol(friction_per_ps=friction, equilibration_ps=EQUILIBRATION_PS)
    run = RunSettings(replicas=REPLICAS, ns=water.ns, save_ps=water.frame_ps, seed=SEED, engine="lanes", threads=1)
    return [replica.positions for replica in run_replicas(water.molecule, protocol, run)]


def compared(water: Water, frictions: Sequence[float], simulated: Simulated = in_lanes) -> dict[str, Any]:
    """Times of a molecule's torsions in water and in lanes at each friction; errors are those of `simulated`.

    `friction`: ratios at each to water. `lanes`: those of each group of lanes to the other groups. `water`: of each
    replica in water to the others.
    """
    molecule, quadruples, size = water.molecule, published_torsions(water.molecule), len(water.frames)
    angles = [torsion_angles(x, quadruples) for x in water.frames]
    logs, counted = counts(angles, water.frame_ps)
    found: dict[str, Any] = {
        "smiles": molecule.smiles, "atoms": molecule.n_atoms, "replicas": size, "ns": water.ns, "hydrogen_bond": None,
        "torsions": [
            {
                "atoms": [int(i) for i in quadruple],
                "environment": environment(molecule.heavy_mol, quadruple),
                "water_ps": round(float(np.exp(log)), 2) if np.isfinite(log) else None,
                "measured": bool(there),
            }
            for quadruple, log, there in zip(quadruples, logs, counted, strict=True)
        ],
        "friction": {}, "lanes": {}, "water": [],
    }  # fmt: skip
    for k in range(size if size > 1 else 0):
        rest = [x for j, x in enumerate(angles) if j != k]
        found["water"].append(ratios(logs_of([[angles[k]]], water.frame_ps), *counts(rest, water.frame_ps)))
    for friction in frictions:
        if not counted.any():
            found["friction"][f"{friction:g}"] = [None] * len(quadruples)
            continue
        frames = simulated(water, friction)
        groups = grouped([torsion_angles(x[:, : molecule.n_heavy], quadruples) for x in frames], size)
        each = [logs_of([group], water.frame_ps) for group in groups]
        found["friction"][f"{friction:g}"] = ratios(logs_of(groups, water.frame_ps), logs, counted)
        found["lanes"][f"{friction:g}"] = [
            ratios(each[k], np.mean([log for j, (log, _) in enumerate(each) if j != k], axis=0), counted)
            for k in range(len(each) if len(each) > 1 else 0)
        ]
        if friction == WATER_FRICTION_PER_PS:
            found["hydrogen_bond"] = hydrogen_bond(molecule, [x[::10] for x in frames])
    return found
