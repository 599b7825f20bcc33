"""Conformer ensembles against reference ensembles: coverage and matching (SPEC section 5)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import flat_smiles
from eginterpolator.chemistry.rmsd import MAX_MATCHES, numberings, symmetric_rmsd
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.evaluation.sources import StoreEntry, conformer_sources, stored_conformers
from eginterpolator.jobs.molecules import fan_out
from eginterpolator.jobs.tasks import Workers

SCHEMA_VERSION = 2
GENERATED_PER_REFERENCE = 2
DELTAS = (0.5, 0.75, 1.25)
"""Thresholds in Å: 0.5 for QM9, 1.25 for Drugs, 0.75 the other protocol in use for Drugs."""


@dataclass(frozen=True)
class Coverage:
    """COV and MAT of one molecule.

    Attributes
    ----------
    cov_r, cov_p : float
        Share of references with a generated conformer within delta, and the other way round.
    mat_r, mat_p : float or None
        Mean over references of the smallest RMSD to a generated one, and the other way round, Å; None for a failure.
    n_reference, n_generated : int
    """

    cov_r: float
    mat_r: float | None
    cov_p: float
    mat_p: float | None
    n_reference: int
    n_generated: int


@dataclass(frozen=True)
class Matching:
    """Smallest RMSDs of one molecule, from which COV and MAT follow at any threshold; empty for a failure.

    Attributes
    ----------
    recall : float64 [n_reference]
        Of each reference to its nearest generated conformer, Å.
    precision : float64 [n_generated]
        Of each generated conformer to its nearest reference, Å.
    n_reference : int
        References there are, of a failed molecule too.
    """

    recall: np.ndarray
    precision: np.ndarray
    n_reference: int

    def coverage(self, delta: float) -> Coverage:
        """COV and MAT at the threshold `delta` (Å); coverage 0 for a failure."""
        if not len(self.recall):
            return Coverage(0.0, None, 0.0, None, self.n_reference, 0)
        return Coverage(
            float((self.recall <= delta).mean()),
            float(self.recall.mean()),
            float((self.precision <= delta).mean()),
            float(self.precision.mean()),
            self.n_reference,
            len(self.precision),
        )


def rmsd_matrix(
    generated: Chem.Mol, reference: Chem.Mol, max_matches: int = MAX_MATCHES, threads: int | None = None
) -> np.ndarray:
    """Best RMSD over symmetry of every pair of conformers, hydrogens left out: float64 [n_generated, n_reference], Å.

    What RDKit's GetBestRMS gives for each pair; the two need not have the same atom order. Where there are more than
    `max_matches` symmetric numberings, it is an upper bound (`rmsd.numberings` tells).

    Raises
    ------
    InputError
        When the two are different molecules.
    """
    return _rmsd_matrix(generated, reference, max_matches, threads)[0]


def _rmsd_matrix(
    generated: Chem.Mol, reference: Chem.Mol, max_matches: int = MAX_MATCHES, threads: int | None = None
) -> tuple[np.ndarray, bool]:
    """`rmsd_matrix`, and whether the numberings were capped."""
    ours, theirs = Chem.RemoveHs(generated), Chem.RemoveHs(reference)
    found = numberings(ours, theirs, max_matches)
    return symmetric_rmsd(_positions(ours), _positions(theirs), found.atoms, threads), found.capped


def _positions(mol: Chem.Mol) -> np.ndarray:
    """[conformers, atoms, 3], Å."""
    return np.array([c.GetPositions() for c in mol.GetConformers()]).reshape(-1, mol.GetNumAtoms(), 3)


def matching(rmsd: np.ndarray) -> Matching:
    """Smallest RMSDs of an RMSD matrix [n_generated, n_reference], Å."""
    return Matching(rmsd.min(axis=0), rmsd.min(axis=1), rmsd.shape[1])


def coverage(rmsd: np.ndarray, delta: float) -> Coverage:
    """COV-R, MAT-R, COV-P and MAT-P from an RMSD matrix [n_generated, n_reference] (Å) at the threshold `delta` (Å).

    Equation (E5) of docs/evaluation.md.

    Ganea et al. (GeoMol, 2021), equations of section 4: R is recall, over references; P is precision, over generated.
    """
    return matching(rmsd).coverage(delta)


@dataclass
class ConformerEvaluation:
    """Coverage of many molecules, and what failed; a failed molecule counts with coverage 0.

    Attributes
    ----------
    deltas : tuple of float
        Thresholds of coverage, Å; each is a protocol of its own.
    matchings : dict
        Name -> Matching, of failed molecules too.
    capped : list of str
        Molecules with more symmetric numberings than were looked through: their RMSDs are upper bounds.
    """

    deltas: tuple[float, ...]
    matchings: dict[str, Matching] = field(default_factory=dict)
    smiles: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    capped: list[str] = field(default_factory=list)

    def molecules(self, delta: float) -> dict[str, Coverage]:
        """Name -> COV and MAT at the threshold `delta`, Å."""
        return {name: found.coverage(delta) for name, found in self.matchings.items()}

    def summary(self, delta: float, seed: int = 0) -> dict[str, Any]:
        """Mean, median and their bootstrap intervals over molecules at the threshold `delta`, Å.

        Coverage is over all molecules; MAT over those that have one, `count` of them.
        """
        each = self.molecules(delta).values()
        result: dict[str, Any] = {"molecules": len(each)}
        for name in ("cov_r", "mat_r", "cov_p", "mat_p"):
            known = [np.array([getattr(c, name)]) for c in each if getattr(c, name) is not None]
            if known:
                result[name] = bootstrap(known, seed)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` first."""
        return {
            "schema_version": SCHEMA_VERSION,
            "deltas": list(self.deltas),
            "summary": {f"{delta:g}": self.summary(delta) for delta in self.deltas},
            "molecules": {
                name: {
                    "smiles": self.smiles.get(name),
                    "coverage": {f"{delta:g}": asdict(found.coverage(delta)) for delta in self.deltas},
                    "recall_rmsd": found.recall.tolist(),
                    "precision_rmsd": found.precision.tolist(),
                }
                for name, found in self.matchings.items()
            },
            "capped": self.capped,
            "failures": self.failures,
            "notes": self.notes,
        }


def evaluate_conformer_folders(
    generated: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    deltas: Sequence[float] | float = DELTAS,
    max_matches: int = MAX_MATCHES,
    workers: Workers | None = None,
) -> ConformerEvaluation:
    """COV and MAT of <name>/conformers.sdf in `generated` against those in `reference`, at each threshold of `deltas`.

    Either may be a dataset (.h5) with conformers instead of a folder.

    Of each molecule the first 2 |S_r| generated conformers count; where there are fewer, `notes` says so.

    Raises
    ------
    InputError
        When a delta is not positive, or the reference holds no conformers. A molecule that cannot be compared is
        listed in `failures` and counts with coverage 0.
    """
    deltas = tuple(float(d) for d in ([deltas] if isinstance(deltas, (int, float)) else deltas))
    for delta in deltas:
        if not delta > 0:
            raise InputError(f"delta is {delta} Å; give a positive number (0.5 for QM9, 1.25 or 0.75 for Drugs).")
    references = conformer_sources(reference)
    if not references:
        raise InputError(f"'{reference}' holds no conformers (<name>/conformers.sdf).")
    ours = conformer_sources(generated)
    result = ConformerEvaluation(deltas)
    for name in sorted(set(ours) - set(references)):
        result.failures.append({"name": name, "reason": "there are no reference conformers of this name."})
    pairs = [(name, path, ours.get(name)) for name, path in references.items()]
    task = partial(_match, max_matches=max_matches)
    outcomes = sorted(fan_out(task, pairs, workers), key=lambda outcome: outcome.index)
    for (name, _, _), outcome in zip(pairs, outcomes, strict=True):
        matched = outcome.value if outcome.reason is None else _Matched(failure=outcome.reason)
        if matched.smiles is not None:
            result.smiles[name] = matched.smiles
        if matched.failure is not None:
            result.failures.append({"name": name, "reason": matched.failure})
        if matched.capped:
            result.capped.append(name)
        result.notes.extend(f"{name}: {note}" for note in matched.notes)
        result.matchings[name] = matched.matching
    return result


@dataclass
class _Matched:
    """What came out for one molecule; `failure` says why there is no matching."""

    matching: Matching = field(default_factory=lambda: Matching(np.zeros(0), np.zeros(0), 0))
    smiles: str | None = None
    capped: bool = False
    notes: list[str] = field(default_factory=list)
    failure: str | None = None


def _match(
    pair: tuple[str, Path | StoreEntry, Path | StoreEntry | None], step: Callable[[float], None], max_matches: int
) -> _Matched:
    """Match the ensembles of one molecule: its name, the file of its reference, and that of what was generated."""
    _, reference, generated = pair
    matched = _Matched()
    wanted = 0
    try:
        truth = _read(reference)
        wanted = truth.GetNumConformers()
        matched.smiles = flat_smiles(truth)
        if generated is None:
            raise InputError("nothing was generated for this molecule.")
        made = _read(generated)
        if flat_smiles(made) != flat_smiles(truth):
            raise InputError(f"'{generated}' is {flat_smiles(made)}, and the reference is {flat_smiles(truth)}.")
        count = made.GetNumConformers()
        if count < GENERATED_PER_REFERENCE * wanted:
            matched.notes.append(f"{count} conformers for {wanted} references; the protocol asks for twice.")
        matrix, matched.capped = _rmsd_matrix(_first(made, GENERATED_PER_REFERENCE * wanted), truth, max_matches)
        if matched.capped:
            matched.notes.append(
                f"more than {max_matches} symmetric numberings; the best RMSD was looked for among the first "
                f"{max_matches} and is an upper bound."
            )
        matched.matching = matching(matrix)
    except (EGIError, RuntimeError, ValueError) as error:
        matched.failure = str(error)
        matched.matching = Matching(np.zeros(0), np.zeros(0), wanted)
    return matched


def _read(path: Path | StoreEntry) -> Chem.Mol:
    """All entries of an SDF as conformers of one Mol without stereo: generated ones may have lost theirs."""
    result: Chem.Mol | None = None
    if isinstance(path, StoreEntry):
        result = stored_conformers(path)
        Chem.RemoveStereochemistry(result)
        return result
    for number, mol in enumerate(Chem.SDMolSupplier(str(path), removeHs=False), 1):
        if mol is None:
            raise InputError(f"Entry {number} of '{path}' is not a readable molecule; check that record.")
        Chem.RemoveStereochemistry(mol)
        if not np.isfinite(mol.GetConformer().GetPositions()).all():
            raise InputError(f"Entry {number} of '{path}' has coordinates that are not finite.")
        if result is None:
            result = mol
            continue
        if _graph(mol) != _graph(result):
            raise InputError(f"Entry {number} of '{path}' is another molecule, or has its atoms in another order.")
        result.AddConformer(mol.GetConformer(), assignId=True)
    if result is None:
        raise InputError(f"'{path}' holds no conformer.")
    return result


def _graph(mol: Chem.Mol) -> tuple[list[int], list[tuple[int, int]]]:
    bonds = sorted(
        (min(ends), max(ends)) for ends in ((b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds())
    )
    return [atom.GetAtomicNum() for atom in mol.GetAtoms()], bonds


def _first(source: Chem.Mol, count: int) -> Chem.Mol:
    mol = Chem.Mol(source)
    for conformer in list(source.GetConformers())[count:]:
        mol.RemoveConformer(conformer.GetId())
    return mol
