"""How wrong is the time that `egi generate` says is left?

    python benchmarks/time_left.py [--results benchmarks/results]

Lists of molecules of very different sizes, out of `datasets/lists/desk.smi`, through the real command line: first
`--dry-run`, then the run. Errors are (said - true) / true: of the whole run before it, and of what is left at each line
of the progress after the first molecule is finished, as long as a tenth of the run is left. Twice: by the clock, which
other work of the machine makes faster and slower, and by processor time, which says how well the table weighs
molecules: what is left of it by the share that is done and what was spent since the first molecule.
"""

from __future__ import annotations

import os
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
    "small first": ("choline glucose caffeine ibuprofen_S testosterone celecoxib imatinib", 30, 2),
    "large first": ("imatinib celecoxib penicillin_G caffeine aspirin choline", 30, 2),
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
                lines.append([found[1], int(found[2]), time.monotonic() - began, int(found[3]), spent(running.pid)])
    return {"before": float(number) * (60 if unit == "min" else 1), "lines": lines, "seconds": lines[-1][2]}


def spent(pid: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_errors(run: dict[str, Any], first: str) -> list[float]:
    """The same of processor time."""
    lines = run["lines"]
    later = [k for k, line in enumerate(lines) if line[0] != first]
    if len(later) < 2:
        return []
    begin, end = lines[later[0]], lines[-1]
    found = []
    for _, share, _, _, processor in (lines[k] for k in later[1:]):
        left = end[4] - processor
        if left > LEAST_LEFT * end[4]:
            said = (100 - share) * (processor - begin[4]) / (share - begin[1])
            found.append((said - left) / left)
    return found


def errors(run: dict[str, Any], first: str) -> list[float]:
    """Relative errors of what is left, from the second molecule on."""
    later = [line for line in run["lines"] if line[0] != first]
    left = [(said, run["seconds"] - at) for _, _, at, said, *_ in later]
    return [(said - true) / true for said, true in left if true > LEAST_LEFT * run["seconds"]]


def page(run: bench.Run, found: dict[str, Any]) -> str:
    """The table."""
    rows = []
    for name, each in found.items():
        what = f"{name}: {each['molecules']} molecules, {each['samples']} × {each['frames']} frames"
        row = [what, f"{each['seconds']:.0f}", f"{each['before'] / each['seconds'] - 1:+.0%}"]
        rows.append([*row, summed(each["errors"]), summed(each["processor_errors"])])
    every = {kind: [x for each in found.values() for x in each[kind]] for kind in ("errors", "processor_errors")}
    rows.append(["all", "", "", summed(every["errors"]), summed(every["processor_errors"])])
    head = ["run", "took, s", "error before it", "of what is left, by the clock", "by processor time"]
    text = ["# The time that is left, by `egi generate`", "", bench.table(head, rows), ""]
    return "\n".join([*text, f"`{run.command}`, {bench.listed(run.machine)}."])


def summed(errors: list[float]) -> str:
    """Median and largest, and how many are within bounds."""
    wrong = [abs(error) for error in errors]
    if not wrong:
        return "–"
    within = sum(error <= WITHIN for error in wrong)
    median = statistics.median(wrong)
    return f"median {median:.0%}, largest {max(wrong):.0%}; {within} of {len(wrong)} within {WITHIN:.0%}"


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
        found[name] = {
            **measured,
            "errors": errors(measured, names[0]),
            "processor_errors": processor_errors(measured, names[0]),
        }
        print(name, found[name], flush=True)
        run.write(options.results, "time_left", {**run.made_by, "runs": found}, page(run, found))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
