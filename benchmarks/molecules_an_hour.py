"""How many molecules an hour `egi data thermal-md` simulates, and where the time goes.

    python benchmarks/molecules_an_hour.py [--molecules 20] [--workers 2] [--engine auto]

Molecules are the first of two lists for training. Each worker is a process of one thread that does what the command
does with a molecule. Seconds are CPU seconds of the workers by part, so that other load on the machine counts little;
molecules an hour are those of as many cores with nothing else to do. What the clock on the wall said is kept beside.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import bench
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.thermal import ThermalConfig, run_molecule, write_thermal
from eginterpolator.errors import EGIError
from eginterpolator.files.inputs import read_inputs

LISTS = {"QM9-like": "water_qm9.smi", "drug-like": "water_drugs.smi"}
SETTINGS = {
    "4 × 20 ps": ThermalConfig(replicas=4, production_ps=20.0, save_ps=0.5),
    "16 × 120 ps": ThermalConfig(),
}
PARTS = {
    "starts": ("eginterpolator.data.thermal.start_conformers",),
    "parametrisation": (
        "eginterpolator.simulation.engines.lanes.parametrised.build_system",
        "eginterpolator.simulation.engines.openmm.build_system",
    ),
}
"""Functions whose time is told apart; the rest is the simulation and its checks and files."""
BEFORE = "By OpenMM, 4 × 20 ps of QM9-like molecules were 1,360 molecules an hour and core (throughput.md)."
Work = Callable[[], Any]


def timed(work: Work) -> float:
    """CPU seconds of this process in `work`."""
    began = time.process_time()
    work()
    return time.process_time() - began


@contextlib.contextmanager
def watched() -> Iterator[dict[str, float]]:
    """CPU seconds spent in each of `PARTS` inside of the block."""
    spent = dict.fromkeys(PARTS, 0.0)

    def watch(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **options)
            finally:
                spent[part] += time.process_time() - began

        return run

    with contextlib.ExitStack() as stack:
        for part, names in PARTS.items():
            for name in names:
                module, function = name.rsplit(".", 1)
                __import__(module)
                stack.enter_context(mock.patch(name, watch(part, getattr(sys.modules[module], function))))
        yield spent


def start() -> float:
    """CPU seconds until a worker has its packages, its force field and its charge network."""
    config = replace(SETTINGS["4 × 20 ps"], replicas=1, production_ps=0.5)
    run_molecule(Molecule.from_smiles("CCO"), config)
    return time.process_time()


def measured(molecule: Molecule, config: ThermalConfig, out: Path) -> dict[str, Any]:
    """Seconds of one molecule, by part, and what ran it."""
    row: dict[str, Any] = {"name": molecule.name, "smiles": molecule.smiles, "atoms": molecule.n_atoms}
    meta: dict[str, Any] = {}

    def work() -> None:
        starts, frames, found = run_molecule(molecule, config)
        write_thermal(out, molecule, starts, frames, found)
        meta.update(found)

    wall = time.perf_counter()
    with watched() as spent:
        try:
            row["cpu_seconds"] = timed(work)
        except EGIError as error:
            return {**row, "failed": str(error)}
    row |= {f"{part}_seconds": seconds for part, seconds in spent.items()}
    row["simulation_seconds"] = row["cpu_seconds"] - sum(spent.values())
    return {**row, "wall_seconds": time.perf_counter() - wall, "platform": meta["platform"]}


def summary(rows: list[dict[str, Any]], workers: int, wall: float) -> dict[str, Any]:
    """Means over the molecules that did not fail, and molecules an hour."""
    good = [row for row in rows if "failed" not in row]
    seconds = {key: float(np.mean([row[key] for row in good])) for key in good[0] if key.endswith("_seconds")}
    return {
        "molecules": len(good),
        "failed": len(rows) - len(good),
        "atoms": float(np.mean([row["atoms"] for row in good])),
        **seconds,
        "median_cpu_seconds": float(np.median([row["cpu_seconds"] for row in good])),
        "parametrisation_share": seconds["parametrisation_seconds"] / seconds["cpu_seconds"],
        "molecules_an_hour": workers * 3600 / seconds["cpu_seconds"],
        "molecules_an_hour_and_core": 3600 / seconds["cpu_seconds"],
        "wall_seconds_of_all": wall,
        "molecules_an_hour_by_the_clock": len(good) * 3600 / wall,
        "platforms": sorted({row["platform"] for row in good}),
        "each": rows,
    }


def measure(lists: dict[str, Path], count: int, workers: int, engine: str) -> tuple[list[dict[str, Any]], float]:
    """A row for each list and setting, and the seconds of a worker's start."""
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool, tempfile.TemporaryDirectory() as folder:
        began = float(np.mean(list(pool.map(_start, range(workers)))))
        for label, path in lists.items():
            molecules = read_inputs(str(path))[0][:count]
            for setting, config in SETTINGS.items():
                clock = time.perf_counter()
                out, config = Path(folder) / f"{len(rows)}", replace(config, engine=engine)
                each = list(pool.map(measured, molecules, [config] * len(molecules), [out] * len(molecules)))
                row = {"list": label, "setting": setting, **summary(each, workers, time.perf_counter() - clock)}
                rows.append(row)
                print(f"{label}, {setting}: {row['cpu_seconds']:.3g} s CPU a molecule, "
                      f"{row['molecules_an_hour']:,.0f} an hour on {workers} cores", flush=True)  # fmt: skip
    return rows, began


def _start(_: int) -> float:
    time.sleep(1.0)  # so that every worker takes one
    return start()


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    workers = result["workers"]
    lines = [
        "# Molecules an hour of `egi data thermal-md`",
        "",
        f"`{result['command']}`, on {result['machine']['processor']}, {workers} processes of one thread, load "
        f"{result['machine']['load_average_at_start']:.1f} when it began. CPU seconds are means over molecules; "
        f"molecules an hour follow from them, for {workers} cores with nothing else to do. A worker's start "
        f"(packages, force field, charge network) takes {result['start_seconds']:.1f} CPU seconds, once, and is not in "
        "them.",
        "",
    ]
    head = ["molecules", "runs", "number", "atoms", "CPU s", "starts, s", "parameters, s", "simulation, s",
            "parameters' share", f"molecules/h on {workers} cores", "molecules/h a core", "by the clock"]  # fmt: skip
    rows = []
    for row in result["rows"]:
        parts = [f"{row[f'{part}_seconds']:.3g}" for part in (*PARTS, "simulation")]
        number = f"{row['molecules']}" + (f", {row['failed']} failed" if row["failed"] else "")
        hours = [f"{row[f'molecules_an_hour{kind}']:,.0f}" for kind in ("", "_and_core", "_by_the_clock")]
        rows.append([row["list"], row["setting"], number, f"{row['atoms']:.0f}", f"{row['cpu_seconds']:.3g}", *parts,
                     f"{row['parametrisation_share']:.0%}", *hours])  # fmt: skip
    lines += [bench.table(head, rows), "", BEFORE, ""]
    failed = [f"- {row['name']}: {row['failed']}" for each in result["rows"] for row in each["each"] if "failed" in row]
    return "\n".join([*lines, *sorted(set(failed))])


def main() -> None:
    """Measure and write `molecules_an_hour.json` and `.md`."""
    parser = bench.parser(__doc__)
    parser.add_argument("--molecules", type=int, default=20, help="of each list")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread")
    parser.add_argument("--engine", default="auto", help="auto, lanes or openmm")
    options = parser.parse_args()
    command = f"python benchmarks/molecules_an_hour.py --molecules {options.molecules}"
    if options.engine != "auto":
        command += f" --engine {options.engine}"
    run = bench.Run(command)
    folder = Path(__file__).parents[1] / "datasets" / "lists"
    lists = {label: folder / name for label, name in LISTS.items()}
    rows, began = measure(lists, options.molecules, options.workers, options.engine)
    result = {"schema_version": 1, **run.made_by, "workers": options.workers, "start_seconds": began, "rows": rows}
    run.write(options.results, "molecules_an_hour", result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
