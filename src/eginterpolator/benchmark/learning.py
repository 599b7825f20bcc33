"""What the systems of a study had learnt after how long: snapshots sampled and judged on held-out molecules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eginterpolator.benchmark import sampling
from eginterpolator.benchmark.config import SystemConfig, TrajectoryTask
from eginterpolator.benchmark.curves import JUDGED, loss_curve, snapshots
from eginterpolator.benchmark.data import hash_of, simulation_folder, trajectory_molecules
from eginterpolator.benchmark.training import Trained, slug
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.models.registry import load_model


def learning_curves(
    systems: Sequence[tuple[SystemConfig, int, Trained]],
    task: TrajectoryTask | None,
    out: Path,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """`system`, `seed`, `loss` (`curves.loss_curve`) and `judged` of every trained system.

    Where there is a `task`, trajectories of each snapshot of the systems that make them are judged by our protocol,
    heavy atoms only: means of `JUDGED` with processor `minutes`, `updates`, the number of `molecules`, and the reasons
    of those that failed by name (`failures`). It resumes below `out`.
    """
    found = []
    for system, seed, trained in systems:
        loss = loss_curve(trained.runs)
        moves = task is not None and {"unconditional", "forward"} & set(system.tables)
        judged = _judged(system, seed, trained, task, out, say) if task is not None and moves else []
        found.append({"system": system.name, "seed": seed, "loss": loss, "judged": judged})
    return found


def _judged(
    system: SystemConfig, seed: int, trained: Trained, task: TrajectoryTask, out: Path, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    reference = simulation_folder(task, out / "references")
    targets = trajectory_molecules(reference)
    text = json.dumps([asdict(task), hash_of(task.reference), trained.key, trained.model.config["sampler"]])
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    points = []
    for weights, updates, minutes in snapshots(trained.runs):
        say(f"learning curve: {system.name}, seed {seed}: after {updates} updates")
        kept = {key: trained.model.config[key] for key in ("sampler", "window")}
        model = load_model(weights)
        model = replace(model, name=system.name, config={**model.config, **kept})
        folder = out / "samples" / "curve" / f"{slug(system.name)}_seed{seed}_{digest}" / f"{updates}"
        made = sampling.model_trajectories(model, targets, task, folder, seed, 1.0, False, False)
        point: dict[str, Any] = {"minutes": minutes, "updates": updates, "molecules": 0, "failures": made.failures}
        if made.metas:
            config = EvaluationConfig(task.frame_ps, task.n_frames, oracle=False)
            metrics = evaluate_folders(made.folder, reference, config).to_dict()["generated"]
            means = {name: metrics[name]["mean"] for name in JUDGED if metrics.get(name)}
            point |= {"molecules": metrics["molecules"], **means}
        points.append(point)
    return points
