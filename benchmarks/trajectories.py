"""Trajectories at several strengths λ judged against reference simulations of the same molecules, by our protocol.

    python benchmarks/trajectories.py REFERENCE --out TRAJECTORIES [--dataset qm9] [--task unconditional]
        [--model qm9-obc2] [--samples 10] [--frames 500] [--seed 1] [--strength 1 0]
    python benchmarks/trajectories.py REFERENCE --out TRAJECTORIES --dataset drugs --task forward --model drugs-obc2

REFERENCE holds molecule folders with several replicas each; every one in turn is the MD oracle. Only the names and
SMILES of its molecules are used to generate, and in forward simulation frame 0 of the last replica. Interrupted, the
same command goes on from there. It writes `DATASET_trajectories.json` and `.md` into --results.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from eginterpolator.benchmark.data import hash_of, trajectory_molecules
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.io import sha256, write_text
from eginterpolator.generation.runs import Hooks, RunResult, run_generation
from eginterpolator.generation.tasks import (
    GenerationConfig,
    could_be_compiled,
    frame_ps,
    layer_settings,
    resolve_device,
)
from eginterpolator.models.ahead import compile_layers
from eginterpolator.models.registry import Model, load_model, model_folder

SCHEMA_VERSION = 1
COLUMNS = {
    "length": "bond length", "angle": "bond angle", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1",
}  # fmt: skip
KINETICS = {
    "within_factor_two": "torsion times within ×2", "median_ratio": "torsion time / MD's", "vamp2_gap": "VAMP-2 gap",
    "timescale_error": "error of ten timescales", "slowest_within_factor_two": "slowest within ×2",
    "density_divergence": "TICA density, nats",
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """The reference folder: SMILES and simulated seconds for each ns of its molecules, and its hash."""

    folder: Path
    smiles: dict[str, str]
    seconds_per_ns: dict[str, float]
    sha256: str

    @classmethod
    def read(cls, folder: Path) -> Reference:
        """Read the molecule folders; InputError when there is none."""
        paths = sorted(path.parent for path in folder.glob("*/molecule.sdf"))
        if not paths:
            raise InputError(f"'{folder}' holds no molecule folders (<name>/molecule.sdf).")
        smiles, speed = {}, {}
        for path in paths:
            molecule, replicas, meta = read_molecule_folder(path)
            smiles[path.name] = molecule.smiles
            if isinstance(meta.get("seconds"), (int, float)):
                simulated_ns = sum(replica.n_frames * replica.frame_ps for replica in replicas) / 1000
                speed[path.name] = meta["seconds"] / simulated_ns
        return cls(folder, smiles, speed, hash_of(folder))

    @property
    def label(self) -> str:
        """Its name without where this machine keeps it."""
        return bench.label_of(self.folder)


def generate_and_judge(
    model: Model, reference: Reference, options: argparse.Namespace, strength: float, with_oracle: bool
) -> dict[str, Any]:
    """Trajectories of all molecules at one strength, resumed where there are some, and their evaluation."""
    weights = sha256(model_folder(options.model) / "model.safetensors")
    out = options.out / f"{model.name}_{weights[:8]}_strength_{strength:g}"  # other weights never resume from these
    config = GenerationConfig(
        task=options.task, n_samples=options.samples, n_frames=options.frames, seed=options.seed, strength=strength,
        steps=options.steps, sampler=options.sampler,
    )  # fmt: skip
    hooks = Hooks(
        finish=lambda molecule, outcome: print(f"strength {strength:g} {molecule.name}: {outcome}", flush=True)
    )
    made, reasons = generate(model, reference, config, out, hooks)
    spacing = frame_ps(model)
    judged = evaluate_folders(
        out, reference.folder, EvaluationConfig(frame_ps=spacing, n_frames=options.frames, oracle=with_oracle)
    ).to_dict()
    metas = {name: json.loads((out / name / "meta.json").read_text()) for name in made}
    seconds = {name: meta["seconds"] / options.samples for name, meta in metas.items()}
    length_ns = options.frames * spacing / 1000
    md_seconds = {name: length_ns * speed for name, speed in reference.seconds_per_ns.items() if name in seconds}
    reasons = {failure["name"]: failure["reason"] for failure in judged["failures"]} | reasons
    first: dict[str, Any] = next(iter(metas.values()), {})
    return {
        "strength": strength,
        "sampler": {key: first.get(key) for key in ("sampler", "steps", "precision", "device", "compiled", "kernels")},
        "trajectory_ns": length_ns,
        "seconds_a_trajectory": seconds,
        "md_seconds_a_trajectory": md_seconds,
        "failures": reasons,
        "evaluation": judged,
    }


def generate(
    model: Model, reference: Reference, config: GenerationConfig, out: Path, hooks: Hooks
) -> tuple[list[str], dict[str, str]]:
    """Names of the molecules that are made, and the reasons of those that are not."""
    made: list[str] = []
    reasons: dict[str, str] = {}

    def keep(result: RunResult) -> None:
        bad = [failure.name for failure in result.failures if (out / failure.name / "meta.json").is_file()]
        made.extend([*result.done, *result.skipped, *bad])  # what is bad counts as it is
        reasons.update({failure.name: failure.reason for failure in result.failures if failure.name not in bad})

    if config.task == "unconditional":
        listing = out.parent / "molecules.smi"
        write_text(listing, "".join(f"{smiles} {name}\n" for name, smiles in reference.smiles.items()))
        molecules, unusable = read_inputs(str(listing))
        keep(run_generation(model, molecules, out, config, failures=unusable, hooks=hooks))
        return made, reasons
    for target in trajectory_molecules(reference.folder):
        try:
            start = None if target.start is None else Endpoint.of(target.start, target.molecule)
            keep(run_generation(model, [target.molecule], out, config, start=start, hooks=hooks))
        except EGIError as error:  # the others go on
            reasons[target.molecule.name] = str(error)
    return made, reasons


def feature_distances(run: dict[str, Any], column: str) -> dict[str, np.ndarray]:
    """JSD of each feature of the molecules that were judged, float64 [F] each."""
    known = {}
    for name, molecule in run["evaluation"]["molecules"].items():
        generated = molecule["generated"] or {}
        found = generated.get(column, generated.get("jsd", {}).get(column))
        if found is not None and np.size(found):
            known[name] = np.atleast_1d(np.asarray(found, dtype=float))
    return known


def differences(run: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Mean over features of `other` minus `run`, with bootstrap intervals over molecules, by column."""
    result = {}
    for column in COLUMNS:
        ours, theirs = feature_distances(run, column), feature_distances(other, column)
        both = [theirs[name] - ours[name] for name in ours if name in theirs]
        result[column] = bootstrap(both) if both else None
    return result


def _difference(value: Any) -> str:
    """mean (interval), with signs, or a dash."""
    return "–" if value is None else bench.interval(value, "+.3f")


def _cell(value: Any) -> str:
    """mean / median (interval), a share, or a dash."""
    if value is None:
        return "–"
    if not isinstance(value, dict):
        return f"{value:.4f}"
    text = _number(value["mean"]) + (f" / {value['median']:.3f}" if "median" in value else "")
    return f"{text} ({'–'.join(map(_number, value['mean_95']))})" if "mean_95" in value else text


def _number(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.3f}"


def _against_oracle(value: Any) -> str:
    """Difference (interval), and whether that holds zero."""
    if value is None:
        return "–"
    return bench.interval(value, "+.3f") + (" at the oracle" if value["at_oracle"] else "")


def kinetics(summary: dict[str, Any]) -> dict[str, Any]:
    """Torsion times and slow modes of a summary, by `KINETICS`."""
    return {**summary.get("torsion_times", {}), **summary.get("slow_modes", {})}


def table(runs: Sequence[dict[str, Any]], n_molecules: int) -> str:
    """Markdown tables: a row a strength, the oracle, differences to it and to the first strength."""
    rows = []
    for run in runs:
        summary = run["evaluation"]["generated"]
        judged = summary.get("molecules", 0)
        rows.append((f"generated, λ = {run['strength']:g}, {judged} of {n_molecules} molecules", summary))
    oracle = runs[0]["evaluation"]["oracle"]
    if oracle:
        rows.append((f"MD oracle, leave one out, {oracle['molecules']} of these molecules", oracle))
    columns = {**COLUMNS, "stereo_retention": "stereo retention", "valid": "valid frames"}
    cells = [[label, *(_cell(row.get(key)) for key in columns)] for label, row in rows]
    times = [[label, *(_cell(kinetics(row).get(key)) for key in KINETICS)] for label, row in rows]
    against = runs[0]["evaluation"]["differences"]
    if against:
        label = f"λ = {runs[0]['strength']:g} minus MD oracle"
        cells.append([label, *(_against_oracle(against.get(key)) for key in COLUMNS), "", ""])
        times.append([label, *(_against_oracle(against.get(key)) for key in KINETICS)])
    for other in runs[1:]:
        label = f"λ = {runs[0]['strength']:g} minus λ = {other['strength']:g}, feature by feature"
        cells.append([label, *(_difference(value) for value in differences(other, runs[0]).values()), "", ""])
    return "\n\n".join([bench.table(["", *columns.values()], cells), bench.table(["", *KINETICS.values()], times)])


def caption(result: dict[str, Any]) -> str:
    """What the numbers of the table are."""
    first = result["runs"][0]["evaluation"]
    modes = first["generated"].get("slow_modes", {})
    lines = [
        "By our protocol (docs/evaluation.md): Jensen-Shannon distance to the reference over every frame, mean / "
        "median over all (molecule, feature) pairs, in brackets the 95 % bootstrap interval of the mean over "
        "molecules; smaller is better. The oracle is every block of replicas in turn against the others; a metric is "
        "at the oracle where "
        "the interval of the difference holds zero. Stereo retention and valid frames are shares.",
        f"Kinetics at a lag of {modes.get('lag_ps', 0):g} ps, density in {modes.get('bins', 0)} × "
        f"{modes.get('bins', 0)} bins; times of torsions that take over two frames and make ten transitions in MD.",
    ]
    for run in result["runs"]:
        seconds, md = run["seconds_a_trajectory"].values(), run["md_seconds_a_trajectory"].values()
        if seconds:
            text = (
                f"λ = {run['strength']:g}: {statistics.mean(seconds):.1f} s a trajectory of {run['trajectory_ns']:g} ns"
            )
            if md:
                text += (
                    f" (mean over molecules; {statistics.mean(md):.1f} s by the reference MD, as its meta.json says)"
                )
            lines.append(text + ".")
        for source in ("generated", "oracle"):
            times = run["evaluation"][source].get("torsion_times", {})
            if times.get("within_factor_two"):
                lines.append(
                    f"λ = {run['strength']:g}, {source}: {times['measured']:.0f} of {times['torsions']} torsions are "
                    f"measured; the time of {times['bounds']:g} of them is a bound only."
                )
        lines += [f"Failed at λ = {run['strength']:g}: {name}: {why}" for name, why in run["failures"].items()]
    return "\n".join(f"- {line}" for line in lines)


def provenance(result: dict[str, Any]) -> str:
    """How to make the table again, and what made it."""
    sampler, host = result["runs"][0]["sampler"], result["machine"]
    model, reference = result["model"], result["reference"]
    return "\n".join(
        [
            f"- command: `{result['command']}`, seed {result['seed']}",
            f"- sampler: {bench.listed(sampler)}",
            f"- machine: {bench.listed(host)}",
            f"- versions: {bench.listed(result['versions'])}",
            f"- model {model['name']}: SHA-256 of model.safetensors {model['weights_sha256']}, "
            f"of config.json {model['config_sha256']}",
            f"- reference {reference['name']}: SHA-256 {reference['sha256']}",
        ]
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options of the command line."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path, help="folder of molecule folders with several replicas each")
    parser.add_argument("--out", type=Path, required=True, help="where the trajectories go; kept, and resumed from")
    parser.add_argument("--dataset", choices=("qm9", "drugs"), default="qm9", help="names the results")
    parser.add_argument("--task", choices=("unconditional", "forward"), default="unconditional")
    parser.add_argument("--model", default="qm9-obc2", help="a shipped model or a checkpoint folder")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strength", type=float, nargs="+", default=[1.0], help="one row each")
    parser.add_argument("--steps", type=int, default=None, help="of the sampler; the model's own by default")
    parser.add_argument("--sampler", default=None, help="the model's own by default")
    parser.add_argument("--compile", action="store_true", help="egi models compile first: faster, rounded otherwise")
    parser.add_argument("--threads", type=int, default=None, help="of PyTorch")
    return parser.parse_args(arguments)


def command(options: argparse.Namespace, reference: Reference, model: Model) -> str:
    """The command, without the paths of this machine."""
    text = f"python benchmarks/trajectories.py {reference.label} --model {model.name} --out OUT"
    text += f" --dataset {options.dataset} --task {options.task}"
    text += f" --samples {options.samples} --frames {options.frames} --seed {options.seed}"
    text += f" --strength {' '.join(f'{value:g}' for value in options.strength)}"
    for name in ("steps", "sampler"):
        value = getattr(options, name)
        text += f" --{name} {value}" if value is not None else ""
    text += " --compile" if options.compile else ""
    return text


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make, judge and write everything; returns what the JSON holds."""
    if options.threads:
        torch.set_num_threads(options.threads)
    reference = Reference.read(options.reference)
    model = load_model(options.model, resolve_device("auto"))
    made = bench.Run(command(options, reference, model))
    if options.compile and could_be_compiled(model):
        compile_layers(model, layer_settings(model))
    runs = [
        generate_and_judge(model, reference, options, strength, with_oracle=k == 0)
        for k, strength in enumerate(options.strength)
    ]
    result = {
        "schema_version": SCHEMA_VERSION,
        **made.made_by,
        "seed": options.seed,
        "model": {"name": model.name, **bench.weights_of(options.model)},
        "reference": {"name": reference.label, "sha256": reference.sha256, "molecules": len(reference.smiles)},
        "runs": runs,
    }
    text = f"{table(runs, len(reference.smiles))}\n\n{caption(result)}"
    page = f"# Trajectories of {reference.label}\n\n{text}\n\n## How it was made\n{provenance(result)}"
    made.write(options.results, f"{options.dataset}_trajectories", result, page)
    print(text)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 all judged, 1 some molecules failed, 2 nothing can be done (one sentence)."""
    return bench.ended(__file__, lambda: any(each["failures"] for each in run(parse(arguments))["runs"]))


if __name__ == "__main__":
    sys.exit(main())
