"""What independent frames cannot have: paths between states, and slow timescales, judged by MD's Markov state model.

    python benchmarks/dynamics.py REFERENCE --generated TRAJECTORIES ... [--stretch 64] [--dataset qm9]

TRAJECTORIES are folders that `trajectories.py` has made, one a strength. Every trajectory is cut into stretches, and
each of them judged as a path between its own two ends by the Markov state model of the reference (all replicas but the
last): `valid`, the share of stretches without a transition that MD never makes; `jsd`, of the states visited against
those that the chain visits between the same ends. The slowest implied timescale of all trajectories, on the
reference's states at 4 frames, is compared with the reference's. The last replica is the MD oracle, in the same
windows as in the other tables. Molecules that are too rigid for states are counted. It writes
`DATASET_dynamics.json` and `.md` into --results.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders, windows_of_folder
from eginterpolator.evaluation.msm import LAG_FRAMES, TIMESCALE_LAGS

ORACLE = "MD oracle"
MEASURES = {"valid": "valid stretches", "jsd": "JSD of the states visited", "timescale": "ln(timescale / MD's)"}
"""Of `measure`, with the heads of their columns."""


def folders_of(generated: Sequence[Path]) -> dict[str, tuple[Path, str]]:
    """Label -> folder of trajectories and the first digits of its weights' hash.

    InputError when a folder holds no meta.json, or has the strength of another.
    """
    found: dict[str, tuple[Path, str]] = {}
    for folder in generated:
        metas = sorted(folder.glob("*/meta.json"))
        if not metas:
            raise InputError(f"'{folder}' holds no trajectories (<name>/meta.json); make them by trajectories.py.")
        meta = json.loads(metas[0].read_text())
        label = f"λ = {meta['strength']:g}"
        if label in found:
            raise InputError(f"'{folder}' and '{found[label][0]}' are both of {label}; give one folder a strength.")
        found[label] = (folder, meta["settings"]["weights"])
    return found


def stretches(trajectories: Sequence[np.ndarray], frames: int) -> list[np.ndarray]:
    """Trajectories [T, N, 3] cut into stretches [frames, N, 3]; what is left over at the end is dropped."""
    return [x[begin : begin + frames] for x in trajectories for begin in range(0, len(x) - frames + 1, frames)]


def measure(known: Reference, trajectories: Sequence[np.ndarray], frames: int) -> dict[str, float]:
    """The `MEASURES` of one molecule's trajectories; those that cannot be told are left out."""
    paths = known.compare(stretches(trajectories, frames), paths=True).paths
    found = {"valid": paths.valid, "jsd": paths.jsd} if paths is not None else {}
    found["timescale"] = slowest(known.compare(trajectories))
    return {name: value for name, value in found.items() if value is not None}


def slowest(comparison: Comparison) -> float | None:
    """ln of the slowest implied timescale over the reference's, at the lag of the reference's states."""
    row = TIMESCALE_LAGS.index(LAG_FRAMES)
    ours, theirs = (comparison.timescales_ps[side][row][0] for side in ("generated", "reference"))
    return None if ours is None or theirs is None else float(np.log(ours / theirs))


def summaries(measured: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Means over molecules with bootstrap intervals, for each source, and of the first source minus each other."""
    first, *others = measured
    result: dict[str, dict[str, Any]] = {
        source: {name: _mean([found[name] for found in each.values() if name in found]) for name in MEASURES}
        for source, each in measured.items()
    }
    for other in others:
        result[f"{first} minus {other}"] = {
            name: _mean(
                [found[name] - measured[other][key][name] for key, found in measured[first].items()
                 if name in found and name in measured[other].get(key, {})]
            )
            for name in MEASURES
        }  # fmt: skip
    return result


def _mean(values: list[float]) -> dict[str, Any] | None:
    return bootstrap([np.array([value]) for value in values]) if values else None


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    rows = []
    for source, summary in result["summary"].items():
        form = "+.3f" if " minus " in source else ".3f"
        cells = [f"{bench.interval(each, form)}, {each['count']}" if each else "–" for each in summary.values()]
        rows.append([source, *cells])
    rigid = ", ".join(result["without_states"]) or "none"
    columns = ["", *(f"{head}, molecules" for head in MEASURES.values())]
    return f"{bench.table(columns, rows)}\n\nMolecules without metastable states: {rigid}."


def run(options: argparse.Namespace) -> None:
    """Judge and write everything."""
    reference = bench.label_of(options.reference)
    made = bench.Run(
        f"python benchmarks/dynamics.py {reference} --generated TRAJECTORIES --stretch {options.stretch} "
        f"--frames {options.frames} --frame-ps {options.frame_ps:g} --dataset {options.dataset}"
    )
    config = EvaluationConfig(frame_ps=options.frame_ps, n_frames=options.frames, seed=0)
    folders = folders_of(options.generated)
    measured: dict[str, dict[str, dict[str, float]]] = {label: {} for label in (*folders, ORACLE)}
    without = []
    for name, folder in molecule_folders(options.reference).items():
        molecule, windows, oracle = windows_of_folder(folder, config)
        known = Reference.of(molecule, windows, config.frame_ps, config.seed)
        if known.states is None:
            without.append(name)
            continue
        sources = {ORACLE: oracle}
        for label, (generated, _) in folders.items():
            _, trajectories, stride, _ = load_trajectories(generated / name, config, molecule)
            sources[label] = [x[::stride] for x in trajectories]
        for label, trajectories in sources.items():
            measured[label][name] = measure(known, trajectories, options.stretch)
        print(name, flush=True)
    used = {label: weights for label, (_, weights) in folders.items()}
    result: dict[str, Any] = {
        **made.made_by,
        "reference_sha256": hash_of(options.reference),
        "weights_sha256": used,
        "summary": summaries(measured),
        "molecules": measured,
        "without_states": without,
    }
    weights = ", ".join(f"{label}: {each}" for label, each in used.items())
    length = options.stretch * options.frame_ps
    head = (
        f"# Paths and timescales, {reference}\n\n`{result['command']}`, {made.machine['processor']}; reference SHA-256 "
        f"{result['reference_sha256']}; TRAJECTORIES of `trajectories.py`, SHA-256 of the weights: {weights} ...\n\n"
        f"Stretches of {options.stretch} frames ({length:.0f} ps) judged by MD's Markov state model: means over "
        "molecules with 95 % bootstrap intervals, and how many could be judged. Of valid stretches more is better; "
        "the JSD, and the logarithm's distance from 0, should be small.\n\n"
    )
    made.write(options.results, f"{options.dataset}_dynamics", result, head + table(result))
    print(table(result))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when everything is judged, 2 when it cannot be (one sentence)."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path, help="folder of molecule folders with several replicas each")
    parser.add_argument("--generated", type=Path, nargs="+", required=True, help="folders made by trajectories.py")
    parser.add_argument("--stretch", type=int, default=64, help="frames")
    parser.add_argument("--frames", type=int, default=500, help="of a reference window")
    parser.add_argument("--frame-ps", type=float, default=5.2)
    parser.add_argument("--dataset", default="qm9", help="names the results")
    return bench.ended(__file__, lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
