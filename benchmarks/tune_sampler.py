"""Sampler settings against quality, on held-out training molecules: never on test molecules.

    python benchmarks/tune_sampler.py MODEL STORE ... [--settings "sde:40,sde:60:eta=0.5"] [--strength 0] [--frames 500]
        [--results benchmarks/results]

Takes the molecules of the stores that training holds out (`validation_mask`), samples with each setting, and prints
mean Jensen-Shannon distances to their simulations, stereo retention, valid share and seconds; with --results the table
is also kept there, as `sampler_steps_STRENGTH.json` and `.md`, and rows that are there already, of the same weights,
molecules and numbers of frames, are not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

import bench
from eginterpolator.data.splits import split_fraction
from eginterpolator.data.store import Record, Store
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.trajectories import PROTOCOL, summarise
from eginterpolator.files.io import sha256, write_json, write_text
from eginterpolator.generation.tasks import GenerationConfig, frame_ps, generate_trajectories
from eginterpolator.machine.provenance import machine
from eginterpolator.models.registry import Model, load_model

COLUMNS = ("length", "angle", "torsion", "within_factor_two", "tica_0")
MORE = ("stereo", "valid", "seconds")


def held_out(stores: list[Path], share: float, limit: int) -> list[Record]:
    """The first `limit` validation molecules of each store."""
    chosen = []
    for path in stores:
        with_trajectories = (r for r in Store(path) if r.trajectories is not None)
        rows = [r for r in with_trajectories if split_fraction(r.molecule.held_out_key) < share]
        chosen.extend(rows[:limit])
    return chosen


def references(records: list[Record], spacing: float) -> dict[str, Reference]:
    """All replicas of each molecule, thinned to the model's frame spacing at every offset."""
    result = {}
    for record in records:
        stride = max(1, round(spacing / record.frame_ps))
        replicas = () if record.trajectories is None else record.trajectories
        frames = [replica[offset::stride] for replica in replicas for offset in range(stride)]
        result[record.name] = Reference.of(record.molecule, frames, record.frame_ps * stride)
    return result


def parse(text: str) -> tuple[str, int, dict[str, float]]:
    """`name:steps:option=value:...` of a sampler."""
    name, steps, *options = text.split(":")
    pairs = (option.split("=") for option in options)
    return name, int(steps), {key: yaml.safe_load(value) for key, value in pairs}


def judge(
    model: Model, records: list[Record], known: dict[str, Reference], setting: str, config: GenerationConfig
) -> tuple[dict[str, Comparison], float]:
    """Comparison of each molecule and the seconds of sampling, for one setting."""
    name, steps, options = parse(setting)
    levels = {key: options.pop(key) for key in ("sigma_min", "sigma_max", "rho") if key in options}
    before = {key: getattr(model.process, key) for key in levels}
    for key, value in levels.items():
        setattr(model.process, key, value)
    model.config["sampler"] = {"name": name, "steps": steps, "options": options}
    began, result = time.perf_counter(), {}
    for record in records:
        samples = generate_trajectories(model, record.molecule, config)
        result[record.name] = known[record.name].compare([sample.positions for sample in samples])
    for key, value in before.items():
        setattr(model.process, key, value)
    return result, time.perf_counter() - began


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--settings", default="sde:20,sde:40,sde:80,heun:20,stochastic:20")
    parser.add_argument("--share", type=float, default=0.1, help="validation_share of the training run")
    parser.add_argument("--limit", type=int, default=12, help="molecules of each store")
    parser.add_argument("--strength", type=float, default=0.0)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=None, help="where the table is kept")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    records = held_out(options.stores, options.share, options.limit)
    known = references(records, frame_ps(model))
    config = GenerationConfig(
        n_frames=options.frames, n_samples=options.samples, seed=options.seed, strength=options.strength,
        hydrogens=False,
    )  # fmt: skip
    what = (
        f"{len(records)} held-out molecules, {options.samples} x {options.frames} frames, strength {options.strength:g}"
    )
    print(what)
    print("setting".ljust(36), *(column.rjust(13) for column in (*COLUMNS, *MORE)))
    rows = kept(options, what)
    for setting in options.settings.split(","):
        if setting in rows:
            continue
        compared, seconds = judge(model, records, known, setting, config)
        summary = summarise(compared)
        known_values = {**summary, **{k: v for k, v in summary["torsion_times"].items() if isinstance(v, dict)}}
        values = [known_values.get(column, {}).get("mean", np.nan) for column in COLUMNS]
        stereo = summary["stereo_retention"]
        rows[setting] = [*values, np.nan if stereo is None else stereo, summary["valid"], seconds]
        print(setting.ljust(36), *(f"{value:13.4f}" for value in rows[setting]), flush=True)
        if options.results is not None:
            keep(options, what, rows)


def measured(options: argparse.Namespace, what: str) -> dict[str, Any]:
    """What the rows of a table have in common."""
    return {
        "molecules": what,
        "protocol": PROTOCOL,
        "seed": options.seed,
        "machine": machine()["processor"],
        **bench.weights_of(options.model),
        "stores": {store.name: sha256(store) for store in options.stores},
    }


def file_of(options: argparse.Namespace) -> Path:
    """Where the table of a strength is kept."""
    return Path(options.results) / f"sampler_steps_{options.strength:g}.json"


def kept(options: argparse.Namespace, what: str) -> dict[str, list[float]]:
    """Rows of an earlier run that measured the same."""
    if options.results is None or not file_of(options).is_file():
        return {}
    before = json.loads(file_of(options).read_text())
    if before.get("measured") != measured(options, what):
        return {}
    return {setting: [row[name] for name in (*COLUMNS, *MORE)] for setting, row in before["rows"].items()}


def keep(options: argparse.Namespace, what: str, rows: dict[str, list[float]]) -> None:
    """Write the rows so far, with what made them."""
    names = (*COLUMNS, *MORE)
    words = sys.argv[1:]
    pairs = zip(["", *words], words, strict=False)
    words = [",".join(rows) if before == "--settings" else word for before, word in pairs]  # of earlier runs too
    made = bench.Run(f"python benchmarks/tune_sampler.py {' '.join(words)}")
    result: dict[str, Any] = {
        **made.made_by,
        "measured": measured(options, what),
        "rows": {setting: dict(zip(names, values, strict=True)) for setting, values in rows.items()},
    }
    cells = [[setting, *(f"{value:.4f}" for value in values)] for setting, values in rows.items()]
    page = [
        "# Sampler settings on held-out training molecules",
        f"`{made.command}`, {made.machine['processor']}: {what}. A setting is sampler:steps:options; first and last "
        "level are the model's where it names none. `heun` and `stochastic` call the network twice a step.",
        bench.table(["setting", *names], cells),
    ]
    write_json(file_of(options), result)
    write_text(file_of(options).with_suffix(".md"), "\n\n".join(page) + "\n")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
