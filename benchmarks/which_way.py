"""Network or simulation: CPU seconds of both commands for the same trajectories, by size and by length.

    python benchmarks/which_way.py [--frames 50 500 5000] [--samples 10] [--budget 200] [--results benchmarks/results]

`egi generate --clock network` and `egi simulate` make SAMPLES trajectories of as many frames, 5.2 ps apart, of one
molecule: start-up, charges, equilibration and files included, one thread, turn by turn. A run that would take more than
--budget CPU seconds, by the one before it and its length, is not made. Needs `[md]`; kernels are compiled before the
clock starts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bench

MOLECULES = {
    "CC[C@H](O)C#CCOC": 21,
    "CCN(CC)CCNC(=O)c1ccc(NC(C)=O)cc1OC": 47,
    "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1": 68,
    "CCO": 9,
}
FRAME_PS = 5.2


def cpu_seconds(arguments: list[str], folder: Path) -> float:
    """CPU seconds of an `egi` command that must succeed."""
    egi = Path(sys.executable).with_name("egi")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = [str(egi), *arguments, "--out", str(folder / "out"), "--overwrite", "-q"]
    subprocess.run(whole, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(smiles: str, frames: int, samples: int) -> dict[str, list[str]]:
    """Both commands for the same frames."""
    ns = f"{frames * FRAME_PS / 1000:.10g}"
    return {
        "network": ["generate", smiles, "--samples", f"{samples}", "--frames", f"{frames}", "--no-report",
                    "--clock", "network", "--threads", "1"],
        "lanes": ["simulate", smiles, "--replicas", f"{samples}", "--ns", ns, "--save-ps", f"{FRAME_PS}",
                  "--engine", "lanes", "--threads", "1"],
    }  # fmt: skip


def page(run: bench.Run, rows: list[list[str]], samples: int) -> str:
    """The table."""
    head = ["molecule", "frames of each trajectory", "network, CPU s", "lanes, CPU s", "network / lanes"]
    text = [
        f"# Network or simulation: CPU seconds of {samples} trajectories",
        "",
        bench.table(head, rows),
        "",
        f"`{run.command}`, {bench.listed(run.machine)}.",
    ]
    return "\n".join(text)


def main() -> None:
    """Run the benchmark, and write after every molecule."""
    parser = bench.parser(__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--budget", type=float, default=200.0)
    options = parser.parse_args()
    asked = f"--frames {' '.join(map(str, options.frames))} --samples {options.samples} --budget {options.budget:g}"
    run = bench.Run(f"python benchmarks/which_way.py {asked}")
    found: dict[str, Any] = {}
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for asked_for in commands("CC", 2, 1).values():
            cpu_seconds(asked_for, folder)  # kernels and lanes are compiled
        for smiles, atoms in MOLECULES.items():
            last: dict[str, tuple[int, float]] = {}
            for frames in options.frames:
                seconds: dict[str, float | None] = {}
                for way, arguments in commands(smiles, frames, options.samples).items():
                    before = last.get(way)
                    if before and before[1] * frames / before[0] > options.budget:
                        seconds[way] = None
                        continue
                    spent = cpu_seconds(arguments, folder)
                    seconds[way], last[way] = spent, (frames, spent)
                found.setdefault(smiles, {})[frames] = seconds
                print(smiles, frames, seconds, flush=True)
                network, lanes = seconds["network"], seconds["lanes"]
                rows.append([
                    f"{atoms} atoms", f"{frames} ({frames * FRAME_PS / 1000:.3g} ns)",
                    *("not run" if value is None else f"{value:.0f}" for value in (network, lanes)),
                    f"{network / lanes:.2g}" if network and lanes else "–",
                ])  # fmt: skip
            run.write(options.results, "which_way", {**run.made_by, "seconds": found}, page(run, rows, options.samples))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
