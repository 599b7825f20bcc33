"""What models made of a set of molecules, as it came and thermalised, by the published protocol and by ours.

    egi generate REFERENCE --model qm9-obc2 --samples 10 --frames 500 --seed 1 --out qm9-obc2
    python benchmarks/judged.py REFERENCE qm9-obc2 --set test --thermalise 0.5 --protocol qm9 [--readme README.md]

Each folder is a row beside the oracle, and with --thermalise PS another one of its frames thermalised, which go into
`FOLDER_thermalised` and stay there, and with --clock SECONDS one of the last of these in the order of a measured clock
(`.._clocked`). Of our protocol a row of differences to the oracle stands below it, with what
of them is at the oracle. Without --protocol (references of less than 5 ns) only ours is judged. Writes `judged.json`
and `judged.md` into --results: the sets of earlier calls stay beside the new one. With --readme a short table of all
sets goes between the README's markers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.published_protocol.folders import evaluate_as_published
from eginterpolator.evaluation.trajectories import Comparison, EvaluationConfig, evaluate_folders
from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
from eginterpolator.files.io import fill
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation.clock import ClockSettings, clocked
from eginterpolator.generation.thermalise import ThermaliseSettings, thermalise_trajectories, thermalised_facts
from eginterpolator.jobs.tasks import Workers

SETS = {
    "held_out_qm9": "QM9, held out", "held_out_drugs": "drug-like, held out", "test": "QM9, published test list",
}  # fmt: skip
"""In the order of the tables. The third is `../shared/data/qm9-md/test`."""
PUBLISHED = ("length", "angle", "torsion", "decorrelation", "tica_0", "tica_01", "msm")
OURS = (
    "length", "angle", "torsion", "tica_0", "tica_01", "within_factor_two", "median_ratio", "timescale_error",
    "density_divergence",
)  # fmt: skip
ABSOLUTE = ("stereo_retention", "valid")
SHORT = {
    "length": "bond length", "angle": "bond angle", "torsion": "torsion", "tica_0": "slow motion (TICA 0)",
    "within_factor_two": "torsion times within ×2",
}  # fmt: skip


def ours_of(summary: dict[str, Any]) -> dict[str, Any]:
    """The figures of our protocol by name, whatever part of the summary they stand in."""
    return {**summary, **summary["torsion_times"], **summary["slow_modes"]}


def _cell(value: Any) -> str:
    if value is None or value.get("mean") is None:
        return "–"
    if "mean_95" not in value:
        return f"{value['mean']:.3f}"
    low, high = ("?" if end is None else f"{end:.3f}" for end in value["mean_95"])
    mark = " =" if value.get("at_oracle") else ""
    return f"{value['mean']:.3f} ({low} to {high}){mark}"


Make = Callable[[list[Trajectory]], tuple[list[Trajectory], dict[str, Any]]]
"""Trajectories of a molecule to others, and what meta.json says of these besides."""


def row(head: str, values: dict[str, Any], names: tuple[str, ...], shares: tuple[str, ...] = ()) -> list[str]:
    """A row of the table: means with their intervals, then plain shares."""
    return [head, *(_cell(values.get(name)) for name in names), *(f"{values[name]:.4f}" for name in shares)]


def remade(folder: Path, name: str, make: Make) -> Path:
    """A folder `FOLDER_name` with what `make` does of each molecule's trajectories; what is there stays."""
    out = folder.with_name(f"{folder.name}_{name}")
    for meta_file in sorted(folder.glob("*/meta.json")):
        target = out / meta_file.parent.name
        if (target / "meta.json").is_file():
            continue
        molecule, trajectories, meta = read_molecule_folder(meta_file.parent)
        made, facts = make(trajectories)
        write_molecule_folder(target, molecule, made, {**meta, **facts})
    return out


def thermalised(folder: Path, ps: float, seed: int) -> Path:
    """A folder with every frame of `folder` thermalised, as `egi generate --thermalise` does."""

    def make(trajectories: list[Trajectory]) -> tuple[list[Trajectory], dict[str, Any]]:
        made = thermalise_trajectories(trajectories, ThermaliseSettings(ps=ps), seed)
        return made, {"thermalised": thermalised_facts([trajectory.meta["thermalised"] for trajectory in made])}

    return remade(folder, "thermalised", make)


def timed(folder: Path, seconds: float | None, ps: float | None, seed: int) -> Path:
    """A folder with the frames of `folder` in the order of a clock, measured for so long, or by size.

    Of frames that were thermalised for `ps`, those that come again run on as long.
    """

    def make(trajectories: list[Trajectory]) -> tuple[list[Trajectory], dict[str, Any]]:
        again = ThermaliseSettings(ps=ps) if ps else None
        shape = (len(trajectories), trajectories[0].n_frames)
        settings = ClockSettings(seconds=seconds)
        made = clocked(trajectories, settings, seed, trajectories[0].frame_ps, shape, again=again)
        return made, {"clock": made[0].meta.get("clock")}

    return remade(folder, "clocked", make)


def judge(
    reference: Path, folders: list[Path], protocol: str | None, seed: int, workers: Workers | None
) -> dict[str, Any]:
    """Summaries of every folder by both protocols, with the oracle's."""
    result: dict[str, Any] = {"published": {}, "ours": {}, "beside": {}}
    oracle: dict[str, Comparison] = {}
    for folder in folders:
        evaluated = evaluate_folders(folder, reference, EvaluationConfig(seed=seed, oracle=not oracle), workers)
        evaluated.oracle = oracle = evaluated.oracle or oracle  # that of the reference, whatever is judged
        found = evaluated.to_dict()
        result["ours"][folder.name] = {
            key: found[key] for key in ("generated", "oracle", "differences", "failures")
        }  # fmt: skip
        if protocol:
            evaluation = evaluate_as_published(folder, reference, protocol, seed, workers=workers)
            whole = evaluation.to_dict()
            result["published"][folder.name] = {key: whole[key] for key in ("generated", "oracle")}
            result["beside"] |= evaluation.published()
    return result


def section(name: str, found: dict[str, Any]) -> list[str]:
    """The tables of one set."""
    first = next(iter(found["ours"].values()))
    lines = [f"## {SETS[name]}: {first['generated']['molecules']} molecules of `{found['reference']}`", ""]
    ours = [row("MD oracle", ours_of(first["oracle"]), OURS, ABSOLUTE)]
    for folder, kept in found["ours"].items():
        ours.append(row(folder, ours_of(kept["generated"]), OURS, ABSOLUTE))
        ours.append([*row(f"{folder} minus oracle", kept["differences"], OURS), "", ""])
    lines += ["By our protocol:", "", bench.table(["", *OURS, *ABSOLUTE], ours), ""]
    if found["published"]:
        oracle = next(iter(found["published"].values()))["oracle"]
        published = [row("MD oracle", oracle, PUBLISHED)]
        published += [row(folder, kept["generated"], PUBLISHED) for folder, kept in found["published"].items()]
        published += [row(f"published: {label}", values, PUBLISHED) for label, values in found["beside"].items()]
        count = f"{oracle['molecules']} molecules, whose replicas are 5 ns or longer"
        lines += [f"As published, over the {count}:", "", bench.table(["", *PUBLISHED], published), ""]
    failed = {f"{f['name']}: {f['reason']}" for kept in found["ours"].values() for f in kept["failures"]}
    lines += [f"- failed: {text}" for text in sorted(failed)] + ([""] if failed else [])
    made = f"`{found['command']}`, {bench.listed(found['machine'])}, {found['minutes']:g} minutes"
    return [*lines, f"{made}; reference SHA-256 `{found['reference_sha256'][:16]}`.", ""]


def page(sets: dict[str, Any]) -> str:
    """Everything, a section a set."""
    head = [
        "# Generated trajectories beside MD",
        "",
        "Jensen-Shannon distances to the reference, smaller is better; mean over molecules and, in brackets, its 95 % "
        "bootstrap interval. `within_factor_two` and `median_ratio` are of the times of measured torsions; "
        "'=' is at the oracle: the interval of the difference holds zero. The protocols are those of "
        "docs/evaluation.md. Published rows are of the paper's molecules in explicit water.",
        "",
    ]
    return "\n".join([*head, *(line for name in SETS if name in sets for line in section(name, sets[name]))])


def short_table(sets: dict[str, Any]) -> str:
    """Our protocol's means, for the README."""
    rows = []
    for name in (name for name in SETS if name in sets):
        ours = sets[name]["ours"]
        first = next(iter(ours.values()))
        label = f"{SETS[name]} ({first['generated']['molecules']})"
        for folder, summary in (("MD oracle", first["oracle"]), *((f, k["generated"]) for f, k in ours.items())):
            values = ours_of(summary)
            means = [f"{values[key]['mean']:.3f}" if values.get(key) else "–" for key in SHORT]
            rows.append([label, folder, *means, *(f"{values[key]:.4f}" for key in ABSOLUTE)])
    return bench.table(["molecules", "", *SHORT.values(), "stereo kept", "valid frames"], rows)


def main() -> None:
    """Run the benchmark."""
    parser = bench.metric_parser(__doc__)
    parser.add_argument("generated", type=Path, nargs="+", help="folders of what was made")
    parser.add_argument("--set", choices=tuple(SETS), required=True, help="which set of molecules the reference is of")
    parser.add_argument("--thermalise", type=float, default=0.0, metavar="PS", help="a further row a folder")
    parser.add_argument(
        "--clock", metavar="SECONDS|size", help="a further row a folder; size: as `egi generate` does by default"
    )
    parser.add_argument("--protocol", choices=("qm9", "drugs"), help="judge by the published protocol too")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--readme", type=Path, help="Markdown file with the markers of 'judged'")
    options = parser.parse_args()
    label = bench.label_of(options.reference)
    names = " ".join(folder.name for folder in options.generated)
    asked = f" --thermalise {options.thermalise:g}" if options.thermalise else ""
    asked += f" --clock {options.clock}" if options.clock else ""
    asked += f" --protocol {options.protocol}" if options.protocol else ""
    run = bench.Run(f"python benchmarks/judged.py {label} {names} --set {options.set}{asked} --seed {options.seed}")
    workers = Workers(count=options.workers) if options.workers else None
    folders = list(options.generated)
    if options.thermalise:
        folders = [
            each for folder in folders for each in (folder, thermalised(folder, options.thermalise, options.seed))
        ]
    if options.clock:
        last = folders[1::2] if options.thermalise else folders
        seconds = None if options.clock == "size" else float(options.clock)
        folders += [timed(folder, seconds, options.thermalise, options.seed) for folder in last]
    found = judge(options.reference, folders, options.protocol, options.seed, workers)
    before = options.results / "judged.json"
    sets: dict[str, Any] = json.loads(before.read_text())["sets"] if before.is_file() else {}
    sets[options.set] = {
        **run.made_by, "reference": label, "reference_sha256": hash_of(options.reference), "minutes": run.minutes,
        **found,
    }  # fmt: skip
    text = page(sets)
    run.write(options.results, "judged", {"sets": sets}, text)
    if options.readme:
        fill(options.readme, "judged", short_table(sets))
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
