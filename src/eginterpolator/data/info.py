"""What a dataset holds: counts, distributions, and their pictures."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from rdkit import Chem

from eginterpolator.data.check import read_manifest
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path

PANELS = (
    ("molecules_by_heavy_atoms", "heavy atoms", "molecules"),
    ("molecules_with_element", "element", "molecules"),
    ("molecules_by_frame_ps", "frame spacing, ps", "molecules"),
    ("frames_by_frame_ps", "frame spacing, ps", "frames"),
)
"""Key of `describe`, its axis, and what is counted."""
FIGURES = (".png", ".svg", ".pdf")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Counts, sizes, elements and frame spacing of a store, with its manifest but the hashes of the groups.

    Raises
    ------
    InputError
        When the store is missing or damaged.
    """
    sizes: Counter[int] = Counter()
    elements: Counter[str] = Counter()
    spacing: Counter[float] = Counter()
    frames_at: Counter[float] = Counter()
    ensembles: Counter[str] = Counter()
    conditions: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    conformers = frames = 0
    table = Chem.GetPeriodicTable()
    with Store(path) as store:
        for name in store.names:
            facts = store.facts(name)
            sizes[int((facts.atomic_numbers > 1).sum())] += 1
            elements.update({table.GetElementSymbol(int(number)) for number in facts.atomic_numbers})
            ensembles[facts.ensemble] += 1
            conditions[str(facts.conditions)] += 1
            sources[facts.source] += 1
            conformers += facts.conformers
            replicas, length = facts.trajectories
            if replicas:
                frames += replicas * length
                spacing[round(facts.frame_ps, 4)] += 1
                frames_at[round(facts.frame_ps, 4)] += replicas * length
        count = len(store)
    manifest = read_manifest(path)
    return {
        "molecules": count,
        "conformers": conformers,
        "trajectory_frames": frames,
        "molecules_by_heavy_atoms": dict(sorted(sizes.items())),
        "molecules_with_element": dict(sorted(elements.items())),
        "molecules_by_frame_ps": {f"{key:g}": value for key, value in sorted(spacing.items())},
        "frames_by_frame_ps": {f"{key:g}": value for key, value in sorted(frames_at.items())},
        "molecules_by_ensemble": dict(sorted(ensembles.items())),
        "molecules_by_conditions": dict(sorted(conditions.items())),
        "molecules_by_source": dict(sources.most_common(10)),
        "manifest": None if manifest is None else {k: v for k, v in manifest.items() if k != "groups"},
    }


def plot(facts: dict[str, Any], path: str | os.PathLike[str], title: str = "") -> None:
    """Draw the distributions of `describe` into a PNG, SVG or PDF file.

    Raises
    ------
    InputError
        For another suffix, or without Matplotlib.
    """
    path = Path(path)
    if path.suffix.lower() not in FIGURES:
        raise InputError(f"'{path.name}' is no picture that can be drawn; use one of {', '.join(FIGURES)}.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("Matplotlib is not installed; run pip install 'eginterpolator[picture]'.") from error
    panels = [panel for panel in PANELS if facts[panel[0]]]
    figure = Figure(figsize=(3.6 * len(panels), 3.2), layout="constrained")
    for axes, (key, label, counted) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        names = [str(name) for name in facts[key]]
        axes.bar(names, list(facts[key].values()), color="#3b6ea5")
        axes.set_xlabel(label)
        axes.set_ylabel(counted)
        axes.spines[["top", "right"]].set_visible(False)
        if len(names) > 12:
            axes.set_xticks(range(0, len(names), len(names) // 10))
    figure.suptitle(title)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
