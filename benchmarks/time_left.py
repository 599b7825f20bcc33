"""How wrong is the time that `egi generate` says is left?

    python benchmarks/time_left.py [--results benchmarks/results]

Lists of molecules of very different sizes, out of `datasets/lists/desk.smi`, through the real command line: first
`--dry-run`, then the run. Errors are of the clock, (said - true) / true: of the whole run before it, and of what is
left at each line of the progress after the first molecule is finished, as long as a tenth of the run is left.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import bench

LIST = Path(__file__).resolve().parents[1] / "datasets/lists/desk.smi"
RUNS = {
    "short": ("ibuprofen_S imatinib caffeine choline penicillin_G glucose celecoxib paracetamol aspirin", 50, 2),
    "small first": ("choline glucose aspirin caffeine ibuprofen_S testosterone celecoxib", 50, 2),
    "large first": ("imatinib celecoxib morphine caffeine aspirin choline", 100, 1),
}
"""Molecules, frames, samples."""
WITHIN, LEAST_LEFT = 0.3, 0.1
TOLD = re.compile(r"(\S+): (\d+) %, \d+ s, about (\d+) s left")
DRY = re.compile(r"molecules, about (\d+) (s|min) by")
EGI = [sys.executable, "-c", "from eginterpolator.cli import main; main()", "generate"]


def measure(names: list[str], frames: int, samples: int, folder: Path) -> dict[str, Any]:
    """One run: what was said before, the lines of the progress with the second each came at, and how long it took."""
    rows = [line.split() for line in LIST.read_text().splitlines()]
    smiles = {name: text for text, name in rows}
    listed = folder / "list.smi"
    listed.write_text("".join(f"{smiles[name]} {name}\n" for name in names))
    words = [*EGI, str(listed), "--frames", str(frames), "--samples", str(samples), "--no-report"]
    dry = subprocess.run([*words, "--dry-run"], capture_output=True, text=True, check=True)
    number, unit = DRY.findall(dry.stdout)[-1]
    began, lines = time.monotonic(), []
    with subprocess.Popen([*words, "--out", str(folder / "out")], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if found := TOLD.match(line):
                lines.append([found[1], int(found[2]), time.monotonic() - began, int(found[3])])
    return {"before": float(number) * (60 if unit == "min" else 1), "lines": lines, "seconds": lines[-1][2]}


def errors(run: dict[str, Any], first: str) -> list[float]:
    """Relative errors of what is left, from the second molecule on."""
    later = [line for line in run["lines"] if line[0] != first]
    left = [(said, run["seconds"] - at) for _, _, at, said in later]
    return [(said - true) / true for said, true in left if true > LEAST_LEFT * run["seconds"]]


def page(run: bench.Run, found: dict[str, Any]) -> str:
    """The table."""
    rows, everything = [], []
    for name, each in found.items():
        wrong = [abs(error) for error in each["errors"]]
        everything += wrong
        what = f"{name}: {each['molecules']} molecules, {each['samples']} × {each['frames']} frames"
        rows.append([
            what, f"{each['seconds']:.0f}",
            f"{each['before'] / each['seconds'] - 1:+.0%}", f"{statistics.median(wrong):.0%}", f"{max(wrong):.0%}",
            f"{sum(error <= WITHIN for error in wrong)} of {len(wrong)}",
        ])  # fmt: skip
    head = ["run", "took, s", "error before it", "of what is left: median", "largest", f"within {WITHIN:.0%}"]
    good = sum(error <= WITHIN for error in everything)
    return "\n".join([
        "# The time that is left, by `egi generate`", "", bench.table(head, rows), "",
        f"All: median {statistics.median(everything):.0%}, {good} of {len(everything)} within {WITHIN:.0%}.", "",
        f"`{run.command}`, {bench.listed(run.machine)}.",
    ])  # fmt: skip


def main() -> None:
    """Run all, and write `time_left.json` and `time_left.md`."""
    options = bench.parser(__doc__).parse_args()
    run = bench.Run("python benchmarks/time_left.py")
    found: dict[str, Any] = {}
    for name, (listed, frames, samples) in RUNS.items():
        names = listed.split()
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(names, frames, samples, Path(folder))
        measured |= {"molecules": len(names), "frames": frames, "samples": samples}
        found[name] = {**measured, "errors": errors(measured, names[0])}
        print(name, found[name], flush=True)
    run.write(options.results, "time_left", {**run.made_by, "runs": found}, page(run, found))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
