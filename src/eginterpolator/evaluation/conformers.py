"""Conformer ensembles against reference ensembles: coverage and matching (SPEC section 5)."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from eginterpolator.errors import EGIError, InputError
from eginterpolator.molecule import flat_smiles

SCHEMA_VERSION = 1
GENERATED_PER_REFERENCE = 2
MAX_MATCHES = 10_000
"""Symmetric numberings that the best RMSD is looked for among."""


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


def rmsd_matrix(generated: Chem.Mol, reference: Chem.Mol) -> np.ndarray:
    """Best RMSD over symmetry of every pair of conformers, hydrogens left out: float64 [n_generated, n_reference], Å.

    RDKit's GetBestRMS; the two need not have the same atom order.
    """
    ours, theirs = Chem.RemoveHs(generated), Chem.RemoveHs(reference)
    return np.array(
        [
            [
                rdMolAlign.GetBestRMS(ours, theirs, a.GetId(), b.GetId(), maxMatches=MAX_MATCHES)
                for b in conformers(theirs)
            ]
            for a in conformers(ours)
        ]
    ).reshape(ours.GetNumConformers(), theirs.GetNumConformers())


def conformers(mol: Chem.Mol) -> list[Chem.Conformer]:
    """The conformers of a Mol, as a list."""
    return list(mol.GetConformers())


def coverage(rmsd: np.ndarray, delta: float) -> Coverage:
    """COV-R, MAT-R, COV-P and MAT-P from an RMSD matrix [n_generated, n_reference] (Å) at the threshold `delta` (Å).

    Ganea et al. (GeoMol, 2021), equations of section 4: R is recall, over references; P is precision, over generated.
    """
    recall, precision = rmsd.min(axis=0), rmsd.min(axis=1)
    return Coverage(
        float((recall <= delta).mean()),
        float(recall.mean()),
        float((precision <= delta).mean()),
        float(precision.mean()),
        rmsd.shape[1],
        rmsd.shape[0],
    )


@dataclass
class ConformerEvaluation:
    """Coverage of many molecules, and what failed; a failed molecule counts with coverage 0."""

    delta: float
    molecules: dict[str, Coverage] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Mean and median over molecules; MAT over those that have one, `count` of them."""
        result: dict[str, Any] = {"molecules": len(self.molecules)}
        for name in ("cov_r", "mat_r", "cov_p", "mat_p"):
            known = [getattr(c, name) for c in self.molecules.values() if getattr(c, name) is not None]
            if known:
                result[name] = {"mean": float(np.mean(known)), "median": float(np.median(known)), "count": len(known)}
        return result

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` first."""
        return {
            "schema_version": SCHEMA_VERSION,
            "delta": self.delta,
            "summary": self.summary(),
            "molecules": {name: asdict(value) for name, value in self.molecules.items()},
            "failures": self.failures,
            "notes": self.notes,
        }


def evaluate_conformer_folders(
    generated: str | os.PathLike[str], reference: str | os.PathLike[str], delta: float = 0.5
) -> ConformerEvaluation:
    """COV and MAT of <name>/conformers.sdf in `generated` against those in `reference`.

    Of each molecule the first 2 |S_r| generated conformers count; where there are fewer, `notes` says so.

    Raises
    ------
    InputError
        When `delta` is not positive, or the reference holds no conformers. A molecule that cannot be compared is
        listed in `failures` and counts with coverage 0.
    """
    if not delta > 0:
        raise InputError(f"delta is {delta} Å; give a positive number (0.5 for QM9, 1.25 or 0.75 for Drugs).")
    references = _ensembles(reference)
    if not references:
        raise InputError(f"'{reference}' holds no conformers (<name>/conformers.sdf).")
    ours = _ensembles(generated)
    result = ConformerEvaluation(delta)
    for name in sorted(set(ours) - set(references)):
        result.failures.append({"name": name, "reason": "there are no reference conformers of this name."})
    for name, path in references.items():
        wanted = 0
        try:
            truth = _read(path)
            wanted = truth.GetNumConformers()
            if name not in ours:
                raise InputError("nothing was generated for this molecule.")
            made = _read(ours[name])
            if flat_smiles(made) != flat_smiles(truth):
                raise InputError(f"'{ours[name]}' is {flat_smiles(made)}, and the reference is {flat_smiles(truth)}.")
            count = made.GetNumConformers()
            if count < GENERATED_PER_REFERENCE * wanted:
                result.notes.append(f"{name}: {count} conformers for {wanted} references; the protocol asks for twice.")
            matrix = rmsd_matrix(_first(made, GENERATED_PER_REFERENCE * wanted), truth)
            result.molecules[name] = coverage(matrix, delta)
        except (EGIError, RuntimeError, ValueError) as error:
            result.failures.append({"name": name, "reason": str(error)})
            result.molecules[name] = Coverage(0.0, None, 0.0, None, wanted, 0)
    return result


def _ensembles(root: str | os.PathLike[str]) -> dict[str, Path]:
    return {path.parent.name: path for path in sorted(Path(root).glob("*/conformers.sdf"))}


def _read(path: Path) -> Chem.Mol:
    """All entries of an SDF as conformers of one Mol without stereo: generated ones may have lost theirs."""
    result: Chem.Mol | None = None
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
    for conformer in conformers(source)[count:]:
        mol.RemoveConformer(conformer.GetId())
    return mol
