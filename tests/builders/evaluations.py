"""An evaluation of made-up trajectories: a flexible, a rigid and a lost molecule."""

from __future__ import annotations

from eginterpolator.evaluation.comparison import Reference
from eginterpolator.evaluation.curves import collect_curves
from eginterpolator.evaluation.trajectories import Evaluation
from tests.builders.conformers import embedded, walk

PUBLISHED = {"Published: someone, somewhere": {"length": {"mean": 0.21, "median": 0.188}}}
RIGID = "c1ccccc1"


def judge(evaluation: Evaluation, name: str, smiles: str, generated: bool = True) -> None:
    """Judge made-up trajectories of one molecule."""
    molecule, _ = embedded(smiles)
    windows, oracle, ours = ([walk(smiles, 60, seed) for seed in seeds] for seeds in ((1, 2, 3), (4,), (5, 6)))
    reference = Reference.of(molecule, windows, 5.2)
    sources, frames = {"oracle": reference.observe(oracle)}, {"reference": windows[0]}
    evaluation.smiles[name] = molecule.smiles
    evaluation.oracle[name] = reference.judge(sources["oracle"], oracle)
    if generated:
        sources["generated"], frames["generated"] = reference.observe(ours), ours[0]
        evaluation.generated[name] = reference.judge(sources["generated"], ours)
    evaluation.curves[name] = collect_curves(reference, sources, frames)
