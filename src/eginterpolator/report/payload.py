"""What the page shows, as one JSON-ready dictionary: coordinates packed small, statistics over every frame."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Geometry import Point3D

from eginterpolator.analysis.names import atom_label
from eginterpolator.analysis.tables import Populations
from eginterpolator.analysis.wells import Torsion, angles_of, find_wells
from eginterpolator.chemistry.drawing import drawing
from eginterpolator.chemistry.features import FeatureSet, lengths, torsions
from eginterpolator.chemistry.features import angles as bond_angles
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import BINS, jensen_shannon
from eginterpolator.report import conformer_payload as conformers
from eginterpolator.report import facts as facts_text
from eginterpolator.report import geometry
from eginterpolator.report import population_payload as population
from eginterpolator.report.energy_payload import energies_payload

if TYPE_CHECKING:
    from eginterpolator.files.trajectory import Trajectory

NO_ANGLE = -32768
_SHOWN_ELSEWHERE = (
    "smiles", "name", "n_atoms", "heavy", "n_heavy", "n_frames", "frame_ps", "samples", "seconds", "stereo_retention",
    "valid", "failed_checks", "warnings", "settings", "atom_map", "ranking",
)  # fmt: skip
"""Of a folder's meta data: what the header, the tiles or a warning show, and settings, which repeat the rest."""
_PER_SAMPLE = ("seed", "seconds", "stereo_retention", "valid", "validity", "endpoints")


@dataclass
class ReportMolecule:
    """One molecule of a report.

    Attributes
    ----------
    molecule : Molecule
        The molecule.
    trajectories : list of Trajectory
        One a sample.
    meta : dict
        What is known of the run, as in a molecule folder's `meta.json`.
    reference_torsions : float [n, n_torsions] or None
        Torsions in radians of a reference simulation, columns as in `chemistry.features.torsion_quadruples`.
    clusters : list of mapping
        Rows of the folder's `clusters.csv`, where there is one.
    energies : list of mapping
        Of each trajectory: column of `energies_000.csv` -> a value a frame, as `read_energies`.
    ensemble : bool
        The one trajectory's frames are independent structures: there is no time.
    conformers : list of mapping
        Rows of the folder's `conformers.csv`, where there is one: a row a structure.
    """

    molecule: Molecule
    trajectories: list[Trajectory]
    meta: dict[str, Any] = field(default_factory=dict)
    reference_torsions: np.ndarray | None = None
    clusters: Sequence[Mapping[str, str]] = ()
    energies: Sequence[Mapping[str, np.ndarray]] = ()
    ensemble: bool = False
    conformers: Sequence[Mapping[str, str]] = ()


def molecule_payload(run: ReportMolecule, stride: int = 1) -> dict[str, Any]:
    """Everything the page needs of one molecule.

    Parameters
    ----------
    run : ReportMolecule
        The molecule with one trajectory or more.
    stride : int
        Every how many frames one is embedded for the display; statistics always take all of them.

    Raises
    ------
    InputError
        When there is no trajectory, no frame with finite coordinates, or the shapes do not fit the molecule.
    """
    molecule = run.molecule
    frames = [_finite_frames(run, k) for k in range(len(run.trajectories))]
    if not frames:
        raise InputError(f"The report has no trajectory of '{molecule.name}'; give at least one.")
    n_atoms = min(positions.shape[1] for positions, _ in frames)
    frames = [(positions[:, :n_atoms], good) for positions, good in frames]
    n_fit = molecule.n_heavy if molecule.n_heavy > 2 else n_atoms
    first = geometry.principal_frame(frames[0][0][0], n_fit)
    features = FeatureSet.of(molecule)
    quads = features.torsions
    angles = [
        np.where(good[:, None], np.asarray(torsions(positions, quads)).reshape(len(positions), -1), np.nan)
        for positions, good in frames
    ]
    shown = [geometry.superpose(positions[::stride], first, n_fit) for positions, _ in frames]
    good_frames = np.concatenate([positions[good] for positions, good in frames])
    found, wells = _populations(run, [positions for positions, _ in frames])
    states = found.states if found else None
    svg, places = drawing(molecule)
    symbols = [atom.GetSymbol() for atom in molecule.rdmol.GetAtoms()][:n_atoms]
    return {
        "name": molecule.name,
        "smiles": molecule.smiles,
        "formula": rdMolDescriptors.CalcMolFormula(molecule.rdmol),
        "symbols": symbols,
        "heavy": molecule.n_heavy,
        "ensemble": run.ensemble,
        "molblock": molblock(molecule, shown[0][0]),
        "svg": svg,
        "places": np.round(places, 1).tolist(),
        "extent": np.round(np.percentile(np.abs(np.concatenate(shown)).max(axis=1), 98, axis=0), 2).tolist(),
        "facts": facts_text.fact_lines(run.meta, skip=_SHOWN_ELSEWHERE),
        "warnings": [str(warning) for warning in run.meta.get("warnings") or ()],
        "headline": _headline(run, frames),
        "torsions": _torsions(molecule, quads, symbols, angles, run.reference_torsions, wells),
        "states": population.states_payload(found, stride) if found else None,
        "clusters": population.clusters_payload(run.clusters, stride, conformers.members(run.conformers, stride)),
        "ladder": conformers.ladder_payload(run.conformers, run.meta.get("ranking"), stride),
        "bonds": _features(features.bonds, symbols, lengths(good_frames, features.bonds)),
        "angles": _features(features.angles, symbols, np.degrees(bond_angles(good_frames, features.angles))),
        "samples": [
            {
                **_sample(run, k, shown[k], angles[k][::stride], int((~good).sum()), stride),
                "energies": energies_payload(run.energies[k] if run.energies else {}, stride),
                "states": population.packed_states(states.of_frames[k], stride) if states else "",
            }
            for k, (_, good) in enumerate(frames)
        ],
    }


def _populations(run: ReportMolecule, frames: list[np.ndarray]) -> tuple[Populations | None, list[Torsion]]:
    """States, where the frames have one spacing in time, and the wells of each torsion.

    Every structure of an ensemble counts as a trajectory of its own, so that intervals are those of independent ones.
    """
    if run.ensemble:
        alone = [x[None] for positions in frames for x in positions]
        weights = conformers.weights_of(run.conformers, len(alone))
        return None, find_wells(run.molecule, angles_of(run.molecule, alone), 1.0, weights=weights)
    spacings = {round(float(trajectory.frame_ps), 4) for trajectory in run.trajectories}
    found = Populations.of(run.molecule, frames, spacings.pop())
    return (None if spacings else found), found.torsions  # of several spacings there are no common lifetimes


def _finite_frames(run: ReportMolecule, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates [T, N, 3] in which a broken frame repeats the last good one, and which frames are good [T]."""
    positions = np.array(run.trajectories[k].positions, dtype=np.float64)
    molecule, name = run.molecule, run.molecule.name
    if positions.ndim != 3 or positions.shape[2] != 3 or positions.shape[1] not in (molecule.n_atoms, molecule.n_heavy):
        raise InputError(
            f"Sample {k} of '{name}' has coordinates of shape {list(positions.shape)}; "
            f"it needs [frames, {molecule.n_atoms} or {molecule.n_heavy} atoms, 3]."
        )
    good = np.asarray(np.isfinite(positions).all(axis=(1, 2)))
    if not good.any():
        raise InputError(f"Sample {k} of '{name}' has no frame with finite coordinates; list it among the failures.")
    last = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    last[last < 0] = int(np.argmax(good))
    return positions[last], good


def molblock(molecule: Molecule, positions: np.ndarray) -> str:
    """MDL block of one frame [N, 3] (Å) of all atoms or of the heavy ones."""
    mol = Chem.Mol(molecule.rdmol if len(positions) == molecule.n_atoms else molecule.heavy_mol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(len(positions))
    for index, (x, y, z) in enumerate(positions.tolist()):
        conformer.SetAtomPosition(index, Point3D(x, y, z))
    mol.AddConformer(conformer)
    mol.SetProp("_Name", molecule.name)
    return str(Chem.MolToMolBlock(mol))


def _sample(
    run: ReportMolecule, k: int, positions: np.ndarray, angles: np.ndarray, broken: int, stride: int
) -> dict[str, Any]:
    trajectory = run.trajectories[k]
    step = max(0.001, math.ceil(float(np.abs(positions).max()) / 32.0) / 1000)
    degrees = np.degrees(angles)
    packed = np.where(np.isfinite(degrees), np.round(degrees * 100), NO_ANGLE)
    meta = {key: trajectory.meta[key] for key in _PER_SAMPLE if key in (trajectory.meta or {})}
    for key in _PER_SAMPLE:
        listed = run.meta.get(key)
        if isinstance(listed, (list, tuple)) and len(listed) == len(run.trajectories):
            meta.setdefault(key, listed[k])
    return {
        "frames": len(positions),
        "frame_ps": 0.0 if run.ensemble else float(trajectory.frame_ps) * stride,
        "step": step,
        "xyz": _base64(np.round(positions / step)),
        "torsions": _base64(packed.T),
        "broken": broken,
        "facts": facts_text.fact_lines(meta),
    }


def _torsions(
    molecule: Molecule,
    quads: np.ndarray,
    symbols: Sequence[str],
    angles: Sequence[np.ndarray],
    reference: np.ndarray | None,
    wells: Sequence[Torsion],
) -> list[dict[str, Any]]:
    if reference is not None and np.asarray(reference).shape[1:] != (len(quads),):
        raise InputError(
            f"The reference torsions of '{molecule.name}' have shape {list(np.asarray(reference).shape)}; "
            f"give one column for each of its {len(quads)} torsions."
        )
    rings = molecule.rdmol.GetRingInfo()
    result = []
    for column, quad in enumerate(quads.tolist()):
        bond = molecule.rdmol.GetBondBetweenAtoms(quad[1], quad[2])
        everything = np.concatenate([a[:, column] for a in angles])
        entry: dict[str, Any] = {
            "atoms": quad,
            "label": atom_label(quad, symbols),
            "ring": bool(bond is not None and rings.NumBondRings(bond.GetIdx())),
            "all": geometry.torsion_histogram(everything).tolist(),
            "fold": wells[column].fold,
            "wells": population.well_rows(wells[column]),
        }
        if reference is not None:
            wanted = np.asarray(reference)[:, column]
            ours, theirs = geometry.torsion_histogram(everything, BINS), geometry.torsion_histogram(wanted, BINS)
            entry["reference"] = geometry.torsion_histogram(wanted).tolist()
            entry["jsd"] = round(float(jensen_shannon(ours, theirs)), 3) if theirs.sum() else None
        result.append(entry)
    return result


def _features(rows: np.ndarray, symbols: Sequence[str], values: np.ndarray) -> list[dict[str, Any]]:
    """What is said of each feature, `rows` of atoms with `values` [T, len(rows)]."""
    if not len(rows):
        return []
    low, high = np.percentile(values, [1, 99], axis=0)
    return [
        {
            "atoms": [int(i) for i in row],
            "label": atom_label(row, symbols),
            "mean": round(float(values[:, k].mean()), 4),
            "sd": round(float(values[:, k].std()), 4),
            "low": round(float(low[k]), 4),
            "high": round(float(high[k]), 4),
            "min": round(float(values[:, k].min()), 4),
            "max": round(float(values[:, k].max()), 4),
        }
        for k, row in enumerate(rows)
    ]


def _headline(run: ReportMolecule, frames: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[facts_text.Fact]:
    counts = [len(positions) for positions, _ in frames]
    spacing = {round(float(t.frame_ps), 4) for t in run.trajectories}
    covered = sum(n * float(t.frame_ps) for n, t in zip(counts, run.trajectories, strict=True))
    total = f"{counts[0]}" if len(set(counts)) == 1 else f"{min(counts)}–{max(counts)}"
    generated = run.meta.get("ranking", {}).get("generated")
    structures = str(counts[0]) if generated is None else f"{counts[0]} of {generated}"
    lines = [("Structures", structures)] if run.ensemble else [("Samples", str(len(frames))), ("Frames each", total)]
    if not run.ensemble:
        if len(spacing) == 1:
            lines.append(("Frame spacing", f"{spacing.pop():g} ps"))
        lines.append(("Time covered", facts_text.time_text(covered)))
        if order := facts_text.order_text(run.meta):
            lines.append(("Order in time", order))
    metas: list[Mapping[str, Any]] = [run.meta, *[t.meta or {} for t in run.trajectories]]
    for label, keys in (
        ("Stereo retention", ("stereo_retention",)),
        ("Valid structures" if run.ensemble else "Valid frames", ("valid", "validity")),
    ):
        value = next((m[key] for m in metas for key in keys if m.get(key) is not None), None)
        if run.meta.get(keys[0]) is None and value is not None:
            per_sample = [facts_text.mean(m[key]) for m in metas[1:] for key in keys if m.get(key) is not None]
            value = [v for v in per_sample if v is not None] or value
        if value is not None and facts_text.mean(value) is not None:
            lines.append((label, facts_text.share_text(value)))
    seconds = run.meta.get("seconds")
    if isinstance(seconds, (int, float)):
        lines.append(("Wall clock", facts_text.seconds_text(float(seconds))))
    return lines


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<i2").tobytes()).decode()
