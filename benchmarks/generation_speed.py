"""How long a trajectory takes: against MD, by length and by size, for many molecules, and what the fan-out costs.

    python benchmarks/generation_speed.py [--parts md,library,curves,fan_out] [--results benchmarks/results]

All by `egi generate --clock network`: a measured clock adds its seconds (`generation.clock.default_seconds`).

- md: `egi generate` of 10 x 500 frames of one molecule, start-up, hydrogens and report included, as a user has it, the
  first time on a machine, and without anything compiled, beside OpenMM's steps a second of that molecule in implicit
  and in explicit water. MD has all cores too: one simulation on each, at the same time. They take turns; ratios are
  within a turn.
- library: 32 molecules in one call, a trajectory of 500 frames each.
- curves: seconds and peak memory of a process that makes one trajectory, by frames and by heavy atoms.
- fan_out: what Dask's workers add to tasks that only wait, and a library of a million molecules from all this.

`egi models compile` runs before, into a cache of its own: it makes kernels where the processor has them, and compiled
layers elsewhere. Its seconds are beside the results. A part that is not asked for keeps what `generation_speed.json`
holds of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import bench
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.io import write_json, write_text
from eginterpolator.jobs.molecules import fan_out
from eginterpolator.jobs.tasks import Step, Workers

MODEL, SMILES = "qm9-obc2", "CC[C@H](O)C#CCOC"
SAMPLES, FRAMES, FRAME_PS = 10, 500, 5.2
LIBRARY = 32
T_CURVE = (125, 250, 500, 1000, 2000, 4000, 8000)
ATOM_CURVE = (5, 9, 15, 30, 45, 60)
WORKERS = (1, 2, 4)
TASKS, TASK_SECONDS = 100, 0.2
MD_SECONDS = {"implicit": 8.0, "explicit": 20.0}

ONE = """
import resource, sys, time
from eginterpolator import generate
began = time.perf_counter()
generate(sys.argv[1], n_frames=int(sys.argv[2]), force=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def command(*arguments: str, **environment: str) -> float:
    """Seconds of an `egi` command that must succeed."""
    began = time.perf_counter()
    egi = Path(sys.executable).with_name("egi")
    subprocess.run([egi, *arguments], check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - began


def md_ns_a_second(protocol: str, seed: int) -> float:
    """Simulated ns in a second of one thread, after a warm-up."""
    from eginterpolator.simulation.protocol import protocol_named

    chosen = protocol_named(protocol)
    _, _, context, integrator = bench.minimised(Molecule.from_smiles(SMILES), chosen, seed)
    context.setVelocitiesToTemperature(chosen.temperature_K, seed)
    block = 200 if protocol == "implicit" else 5
    integrator.step(2 * block)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < MD_SECONDS[protocol]:
        integrator.step(block)
        context.getState(getEnergy=True)
        steps += block
    return steps * chosen.timestep_fs * 1e-6 / (time.perf_counter() - began)


def against_md(repeats: int) -> dict[str, Any]:
    """Seconds of generation and of MD of the same simulated time on all cores, each repeat."""
    cores = os.cpu_count() or 1
    rows = []
    for repeat in range(repeats):
        call = ["generate", SMILES, "--samples", str(SAMPLES), "--frames", str(FRAMES), "--seed", str(repeat), "-q"]
        call += ["--clock", "network"]
        with tempfile.TemporaryDirectory() as folder:
            first, plain = ({"XDG_CACHE_HOME": f"{folder}/{name}"} for name in ("first", "plain"))
            row = {
                "generate": command(*call, "--out", f"{folder}/1"),
                "first": command(*call, "--out", f"{folder}/2", **first),
                "plain": command(*call, "--out", f"{folder}/3", **plain, CXX="no-compiler"),
            }
        for protocol in MD_SECONDS:
            with ProcessPoolExecutor(cores) as pool:
                speeds = list(pool.map(md_ns_a_second, [protocol] * cores, range(cores)))
            row[protocol] = SAMPLES * FRAMES * FRAME_PS / 1000 / sum(speeds)
        rows.append(row)
        print(row, flush=True)
    return {"molecule": SMILES, "ns": SAMPLES * FRAMES * FRAME_PS / 1000, "cores": cores, "seconds": rows}


def library(listing: Path) -> dict[str, Any]:
    """Seconds for each of 32 molecules in one call."""
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "molecules.smi"
        few.write_text("\n".join(listing.read_text().splitlines()[:LIBRARY]) + "\n")
        arguments = ["generate", str(few), "--frames", str(FRAMES), "--stereo", "enumerate", "-q"]
        arguments += ["--clock", "network"]
        alone = command(*arguments, "--out", str(Path(folder) / "here"), "--no-report")
        cores = str(os.cpu_count() or 1)
        spread = command(*arguments, "--out", str(Path(folder) / "workers"), "--no-report", "--workers", cores)
        made = len(list((Path(folder) / "here").glob("*/meta.json")))
    return {"molecules": made, "seconds": {"one process": alone, f"{cores} workers": spread}}


def one(smiles: str, frames: int) -> dict[str, float]:
    """Seconds and MiB of a process that makes one trajectory."""
    done = subprocess.run(
        [sys.executable, "-c", ONE, smiles, str(frames)], check=True, capture_output=True, text=True
    )  # fmt: skip
    seconds, memory = done.stdout.split()[-2:]
    return {"seconds": float(seconds), "peak_mib": float(memory)}


def curves() -> dict[str, Any]:
    """By frames at 9 heavy atoms, and by heavy atoms of alkanes at 125 frames."""
    result: dict[str, Any] = {"frames": {}, "heavy_atoms": {}}
    for frames in T_CURVE:
        result["frames"][str(frames)] = one(SMILES, frames)
        print(frames, result["frames"][str(frames)], flush=True)
    for atoms in ATOM_CURVE:
        result["heavy_atoms"][str(atoms)] = one("C" * atoms, T_CURVE[0])
        print(atoms, result["heavy_atoms"][str(atoms)], flush=True)
    return result


def wait(seconds: float, step: Step) -> float:
    """A task that takes its time and no processor."""
    time.sleep(seconds)
    return seconds


def fan_out_overhead() -> dict[str, float]:
    """Wall-clock seconds on each number of workers, the first task of each left out as start-up."""
    result = {}
    for workers in WORKERS:
        outcomes = fan_out(wait, [TASK_SECONDS] * (TASKS + workers), Workers(count=workers))
        for _ in range(workers):
            next(outcomes)
        began = time.perf_counter()
        done = sum(1 for outcome in outcomes if outcome.reason is None)
        assert done == TASKS
        result[str(workers)] = time.perf_counter() - began
        print(workers, result[str(workers)], flush=True)
    return result


def table(result: dict[str, Any]) -> str:
    """Markdown of the parts that there are."""
    lines: list[str] = []
    if "md" in result:
        rows, md = result["md"]["seconds"], result["md"]
        lines += [f"## {md['ns']:.0f} ns of {md['molecule']} on {md['cores']} cores, {len(rows)} turns", ""]
        labels = {"generate": "`egi generate`", "first": "`egi generate`, the first time on a machine"}
        labels["plain"] = "`egi generate` with nothing compiled"
        labels |= {name: f"MD, {name} water, by its steps a second" for name in MD_SECONDS}
        cells = []
        for name, label in labels.items():
            ratios = [bench.spread([row[name] / row[than] for row in rows], 1) for than in ("generate", "plain")]
            cells.append([label, bench.spread([row[name] for row in rows], 1), *ratios])
        columns = ["", "seconds, median (least to most)", "times `egi generate`", "times it with nothing compiled"]
        lines.append(bench.table(columns, cells))
        lines += ["", f"`egi models compile`, once for a machine: {result['compile_seconds']:.0f} s.", ""]
    if "library" in result:
        part = result["library"]
        each = [f"{name} {seconds / part['molecules']:.1f} s" for name, seconds in part["seconds"].items()]
        lines += [f"## {part['molecules']} molecules in one call", "", f"A trajectory of {FRAMES} frames: "]
        lines[-1] += ", ".join(each) + " a molecule, start-up included."
        lines.append("")
    if "curves" in result:
        for key, label in (("frames", "frames, 9 heavy atoms"), ("heavy_atoms", "heavy atoms, 125 frames")):
            cells = [[n, f"{v['seconds']:.1f}", f"{v['peak_mib']:.0f}"] for n, v in result["curves"][key].items()]
            lines += [f"## By {label}", "", bench.table([label, "seconds", "peak memory, MiB"], cells), ""]
    if "fan_out" in result:
        cells = []
        for workers, seconds in result["fan_out"].items():
            over = (seconds * int(workers) - TASKS * TASK_SECONDS) / TASKS * 1000
            cells.append([workers, f"{seconds:.2f}", f"{over:.0f}"])
        columns = ["workers", f"seconds for {TASKS} tasks of {TASK_SECONDS} s", "overhead a task, ms"]
        lines += ["## Fan-out", "", bench.table(columns, cells), ""]
    if "library" in result:
        part = result["library"]
        cores = result["machine"]["cores"]
        hours = min(part["seconds"].values()) / part["molecules"] * cores * 1e6 / 3600
        lines += ["## A library of a million molecules", ""]
        lines.append(
            f"{hours:,.0f} core-hours for a trajectory of {FRAMES} frames each, as the call above was spread: "
        )
        lines[-1] += ", ".join(f"{hours / n:,.0f} h on {n:,} cores" for n in (16, 128, 1024)) + "."
        lines.append("A GPU was not measured.")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--parts", default="md,library,curves,fan_out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--molecules", type=Path, help="SMILES of the library, one a line")
    options = parser.parse_args()
    path = options.results / "generation_speed.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    result |= bench.Run("python benchmarks/generation_speed.py").made_by
    cache = tempfile.TemporaryDirectory()
    os.environ["XDG_CACHE_HOME"] = cache.name
    result["compile_seconds"] = command("models", "compile", MODEL)
    for part in options.parts.split(","):
        if part == "library" and options.molecules is None:
            parser.error("the part 'library' needs --molecules FILE.smi")
        work = {
            "md": lambda: against_md(options.repeats),
            "library": lambda: library(options.molecules),
            "curves": curves,
            "fan_out": fan_out_overhead,
        }[part]
        load, began = os.getloadavg()[0], time.perf_counter()
        result[part] = work()
        result.setdefault("load_average_before", {})[part] = round(load, 2)
        result.setdefault("minutes", {})[part] = round((time.perf_counter() - began) / 60, 2)
        write_json(path, result)
        where = f"{result['machine']['processor']}, {result['machine']['cores']} cores; load average before each part "
        head = f"# Speed of generation\n\n`{result['command']}`. {where}{result['load_average_before']}.\n\n"
        write_text(options.results / "generation_speed.md", head + table(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
