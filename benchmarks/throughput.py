"""Molecules an hour for each builder of reference data, and what the published set would take on N workers.

    python benchmarks/throughput.py [--results benchmarks/results] [--molecules 3]

Each builder works on molecules of two sizes, one thread. Seconds are CPU seconds of this process, so that other load
on the machine counts little (it still shares caches and memory); wall-clock seconds are kept beside. Simulations are
timed over some steps after minimisation, and the cost of a molecule is put together from its parts:

    seconds = build + replicas * (equilibration + production steps) / (steps per second)
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.conformers import ConformerSettings, conformer_record
from eginterpolator.data.thermal import ThermalConfig, run_molecule
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, Protocol

SIZES = {
    "QM9": ["CC[C@H](O)C#CCOC", "COCCC(CO)CO", "OC[C@@H]1CCC(=O)N1"],
    "Drugs": [
        "CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O",
        "CC(C)NC[C@H](O)COc1ccc(CC(N)=O)cc1",
        "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    ],
}
PUBLISHED = {"QM9": 1109 + 1018 + 239, "Drugs": 1137 + 1044 + 100}
"""Molecules of the published sets, training, validation and test (SPEC section 4)."""
REPLICAS, NS = 5, 5.0
WORKERS = (1, 16, 128, 1024)
STEPS = {"implicit": 10_000, "explicit": 100}
EMBED = 20
THERMAL = ThermalConfig(replicas=4, production_ps=20.0, save_ps=0.5)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall-clock seconds of `work`."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def simulation(molecule: Molecule, protocol: Protocol) -> dict[str, Any]:
    """Seconds that a molecule of the published length costs, from its parts."""
    parts: dict[str, Any] = {}

    def build() -> None:
        made = bench.minimised(molecule, protocol, 1)
        parts.update(zip(("system", "platform", "context", "integrator"), made, strict=True))

    build_cpu, build_wall = timed(build)
    parts["context"].setVelocitiesToTemperature(protocol.temperature_K, 1)
    parts["integrator"].step(STEPS[protocol.name] // 10)
    steps = STEPS[protocol.name]
    cpu, wall = timed(lambda: (parts["integrator"].step(steps), parts["context"].getState(getEnergy=True)))
    equilibration = protocol.steps(getattr(protocol, "equilibration_ps", 0.0)) + getattr(protocol, "nvt_steps", 0)
    needed = REPLICAS * (equilibration + protocol.steps(NS * 1000.0))
    return {
        "particles": parts["system"].system.getNumParticles(),
        "platform": parts["platform"],
        "steps_per_cpu_second": steps / cpu,
        "ns_per_cpu_day": steps / cpu * protocol.timestep_fs * 86400e-6,
        "cpu_seconds": REPLICAS * build_cpu + needed / (steps / cpu),
        "wall_seconds": REPLICAS * build_wall + needed / (steps / wall),
    }


def builders() -> dict[str, Callable[[Molecule], dict[str, Any]]]:
    """Name of each builder, and what measures it on one molecule."""

    def measured(work: Callable[[Molecule], Any]) -> Callable[[Molecule], dict[str, Any]]:
        def measure(molecule: Molecule) -> dict[str, Any]:
            cpu, wall = timed(lambda: work(molecule))
            return {"cpu_seconds": cpu, "wall_seconds": wall}

        return measure

    result: dict[str, Callable[[Molecule], dict[str, Any]]] = {}
    for method in ("mmff", "sage", "xtb"):
        settings = ConformerSettings(method=method, embed=EMBED)
        result[f"conformers, {method}, {EMBED} embedded"] = measured(lambda m, s=settings: conformer_record(m, s))  # type: ignore[misc]
    result["thermal structures, 4 × 20 ps"] = measured(lambda m: run_molecule(m, THERMAL))
    result[f"simulate implicit by OpenMM, {REPLICAS} × {NS:g} ns"] = lambda m: simulation(m, ImplicitProtocol())
    result[f"simulate explicit, {REPLICAS} × {NS:g} ns"] = lambda m: simulation(m, ExplicitProtocol())
    return result


def measure(count: int) -> list[dict[str, Any]]:
    """A row for each size and builder: means over `count` molecules."""
    rows = []
    load = build_system(Molecule.from_smiles("CCO"), np.zeros((9, 3)), ImplicitProtocol())  # parameters are read once
    assert load.n_solute == 9
    for size, smiles in SIZES.items():
        for name, builder in builders().items():
            each = [builder(Molecule.from_smiles(text)) for text in smiles[:count]]
            row: dict[str, Any] = {"size": size, "builder": name, "molecules": len(each), "each": each}
            for key in ("cpu_seconds", "wall_seconds"):
                row[key] = float(np.mean([values[key] for values in each]))
            row["molecules_per_hour"] = 3600.0 / row["cpu_seconds"]
            row["published_hours"] = {n: -(-PUBLISHED[size] // n) * row["cpu_seconds"] / 3600.0 for n in WORKERS}
            rows.append(row)
            print(f"{size}, {name}: {row['molecules_per_hour']:.3g} molecules/h, "
                  f"{row['cpu_seconds']:.3g} s CPU, {row['wall_seconds']:.3g} s wall", flush=True)  # fmt: skip
    return rows


def duration(hours: float) -> str:
    """Hours as a text of two digits, in days from four of them on."""
    return f"{hours / 24:.2g} days" if hours >= 96 else f"{hours:.2g} h"


def table(result: dict[str, Any]) -> str:
    """The Markdown page."""
    found = result["machine"]
    lines = [
        "# Throughput of the builders of reference data",
        "",
        f"`{result['command']}`",
        "",
        f"One thread of {found['processor']}, {found['cores']} cores with a load of "
        f"{found['load_average_at_start']:.1f} when the measurement began. Molecules an hour are by CPU "
        "time, so they are what a core does that has nothing else to do; on this loaded machine the same work took the "
        "wall-clock time of the last column.",
        "",
        f"The published sets: QM9 {PUBLISHED['QM9']:,} and Drugs {PUBLISHED['Drugs']:,} molecules. Hours on N workers "
        "are CPU seconds × the molecules of the busiest worker (molecules / N, rounded up), one thread each.",
        "",
    ]
    sets = [f"set on {n:,}" for n in WORKERS]
    rows = []
    for row in result["rows"]:
        hours = [duration(row["published_hours"][n]) for n in WORKERS]
        speed, cpu, wall = (f"{row[name]:.3g}" for name in ("molecules_per_hour", "cpu_seconds", "wall_seconds"))
        rows.append([row["size"], row["builder"], speed, *hours, cpu, wall])
    lines.append(bench.table(["molecules", "builder", "molecules/h a core", *sets, "CPU s", "wall s"], rows))
    lines += ["", "Speed of the simulations, by CPU time:", ""]
    for row in result["rows"]:
        for smiles, values in zip(SIZES[row["size"]], row["each"], strict=False):
            if "ns_per_cpu_day" in values:
                lines.append(
                    f"- `{smiles}`, {row['builder'].split(',')[0]}: {values['particles']:,} particles, "
                    f"{values['platform']}, {values['steps_per_cpu_second']:,.0f} steps/s, "
                    f"{values['ns_per_cpu_day']:,.3g} ns/day"
                )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write `throughput.json` and `throughput.md`."""
    parser = bench.parser(__doc__)
    parser.add_argument("--molecules", type=int, default=3, help="of each size, at most 3")
    options = parser.parse_args()
    run = bench.Run(f"python benchmarks/throughput.py --molecules {options.molecules}")
    result = {"schema_version": 1, **run.made_by, "rows": measure(options.molecules)}
    run.write(options.results, "throughput", result, table(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
