"""What a comparison rests on: whose molecules, how many frames, whether its reference is a simulation.

It decides what may be called an MD oracle, and beside which published rows a table may stand.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule

QM9_ELEMENTS, QM9_HEAVY = {"C", "N", "O", "F"}, 9
PUBLISHED_FRAMES = {"qm9": 500, "drugs": 960}
"""Frames of a reference window in the published evaluations (SPEC section 5, A)."""


@dataclass(frozen=True)
class Basis:
    """What the comparison of one molecule rests on.

    Attributes
    ----------
    n_heavy : int
    elements : tuple of str
        Of its heavy atoms.
    is_md : bool
        Whether the reference says that it is a simulation: a protocol or a force field, and no model.
    task : str
        Of what was generated; empty where it does not say.
    reference, oracle, generated : tuple of int
        Frames of each window or trajectory that was used.
    """

    n_heavy: int
    elements: tuple[str, ...]
    is_md: bool
    task: str
    reference: tuple[int, ...]
    oracle: tuple[int, ...]
    generated: tuple[int, ...]

    @classmethod
    def of(
        cls,
        molecule: Molecule,
        reference_meta: dict[str, Any],
        reference: Sequence[np.ndarray],
        oracle: Sequence[np.ndarray],
        generated: Sequence[np.ndarray] = (),
        generated_meta: dict[str, Any] | None = None,
    ) -> Basis:
        """From trajectories [T, N, 3] and the meta data of both sides."""
        elements = tuple(sorted({atom.GetSymbol() for atom in molecule.heavy_mol.GetAtoms()}))
        simulated = bool(reference_meta.get("protocol") or reference_meta.get("forcefield"))
        lengths = [tuple(len(x) for x in frames) for frames in (reference, oracle, generated)]
        task = str((generated_meta or {}).get("task", ""))
        return cls(molecule.n_heavy, elements, simulated and "model" not in reference_meta, task, *lengths)

    def shortness(self, n_frames: int) -> list[str]:
        """Sentences on trajectories that are shorter than the `n_frames` that were asked for."""
        said = []
        for name, frames in (("reference", self.reference), ("held-out part", self.oracle)):
            if frames and max(frames) < n_frames:
                said.append(f"Short: the {name} has trajectories of {max(frames)} frames, not of {n_frames}.")
        return said


def oracle_label(bases: Collection[Basis]) -> str:
    """What the held-out part of the reference is called: an MD oracle only where every reference is a simulation."""
    return "MD oracle" if all(basis.is_md for basis in bases) else "held-out part of the reference"


def published_like(bases: Collection[Basis], protocol: str | None) -> str | None:
    """The published data set beside which figures of these molecules may stand: `qm9`, `drugs`, or none.

    Only figures of the published protocol of that data set (`protocol`; None for our own), with simulations as
    references, windows of the published length, the published task, and molecules of the kind: up to nine heavy atoms
    of C, N, O and F for QM9, more for Drugs.
    """
    if protocol is None or not bases or not all(basis.is_md for basis in bases):
        return None
    small = all(basis.n_heavy <= QM9_HEAVY and set(basis.elements) <= QM9_ELEMENTS for basis in bases)
    dataset = "qm9" if small else "drugs" if all(basis.n_heavy > QM9_HEAVY for basis in bases) else None
    if dataset != protocol:
        return None
    if any(max(basis.reference, default=0) < PUBLISHED_FRAMES[protocol] for basis in bases):
        return None
    task = {"qm9": "unconditional", "drugs": "forward"}[protocol]
    return dataset if all(basis.task in ("", task) for basis in bases) else None


def frames_text(lengths: Sequence[Sequence[int]]) -> str:
    """How many windows and frames a molecule really had: '120 x 500', or a range of each."""

    def span(values: Sequence[int]) -> str:
        low, high = min(values), max(values)
        return f"{low}" if low == high else f"{low} to {high}"

    used = [each for each in lengths if each]
    if not used:
        return "none"
    return f"{span([len(each) for each in used])} x {span([length for each in used for length in each])}"
