"""Everything that the organic structure model is trained on, by one command; what is finished is not done twice.

    python benchmarks/organic_data.py --chembl chembl_drugs.csv chembl_samples.csv [--exclude FILE_OR_DIR ...]
        [--part qm9|drugs|made|minima|water ...] [--workers 2] [--seed 32] [--scale 1.0] --out OUT

qm9, drugs, made: the lists of `organic_lists.py` in `OUT/lists/PART.smi`; `OUT/PART/` with a folder a molecule, as `egi
data thermal-md --temperatures 250:500` writes it; their store `OUT/PART.h5`. minima: QM9's DFT minima, as `egi data
qm9`, in `OUT/minima.h5`. water: every 4th frame in explicit water of `datasets/water/water.h5`, in `OUT/water.h5`.

Parts are made in this order. A part is there when its store is; lists and molecules that are there are taken as they
are. Each store has its manifest, `OUT/organic.json` names lists and stores with hashes, failures and hours.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bench
import organic_lists
from eginterpolator.cli.progress import Progress
from eginterpolator.data.build import build
from eginterpolator.data.readers.base import Reader
from eginterpolator.data.readers.folders import ThermalFolders
from eginterpolator.data.readers.qm9 import QM9
from eginterpolator.data.readers.water import PackedSimulations
from eginterpolator.data.spread import run_spread
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.io import sha256, write_json
from eginterpolator.jobs.tasks import Workers
from eginterpolator.simulation.spread import SpreadSettings

WATER = Path(__file__).resolve().parents[1] / "datasets" / "water" / "water.h5"
WATER_STRIDE = 4
SHORTER = SpreadSettings(obc2_frames=4, frame_ps=6.0, equilibration_ps=12.0)
SETTINGS = {"qm9": SpreadSettings(), "drugs": SHORTER, "made": SHORTER}
SIMULATED, PARTS = ("qm9", "drugs", "made"), ("qm9", "drugs", "made", "minima", "water")


def simulated(part: str, listed: Path, options: Any) -> tuple[Reader, dict[str, Any]]:
    """Simulate a list; the reader of its folders, and what is told of the work."""
    molecules, unread = read_inputs(str(listed))
    out = options.out / part
    workers = Workers(count=options.workers) if options.workers > 1 else None
    with Progress(len(molecules), False) as progress:
        result = run_spread(
            molecules, out, SETTINGS[part], options.seed, failures=unread, hooks=progress.hooks(1), workers=workers
        )  # fmt: skip
    with (out / "summary.csv").open() as stream:
        seconds = sum(float(row["cpu_seconds"]) for row in csv.DictReader(stream))
    facts = {
        "list": {"file": listed.name, "sha256": sha256(listed), "molecules": len(molecules) + len(unread)},
        "spread": asdict(SETTINGS[part]), "cpu_hours": round(seconds / 3600, 3),
        "failures": {failure.name: failure.reason for failure in result.failures},
    }  # fmt: skip
    return ThermalFolders.open(out), facts


def made(part: str, options: Any) -> dict[str, Any]:
    """Make a part, unless it is there; what the manifest says of it."""
    store, kept = options.out / f"{part}.h5", options.out / f"{part}.part.json"
    if store.is_file() and kept.is_file():
        return dict(json.loads(kept.read_text()))
    facts: dict[str, Any] = {}
    reader: Reader
    if part in SIMULATED:
        lists = organic_lists.write_lists(
            options.out / "lists", options.chembl, options.exclude, options.seed, options.scale, [part]
        )
        reader, facts = simulated(part, lists[part], options)
    else:
        openers: dict[str, Callable[[], Reader]] = {
            "minima": QM9, "water": lambda: PackedSimulations.open(WATER, WATER_STRIDE)
        }  # fmt: skip
        reader = openers[part]()
    limit = max(1, round(options.scale * reader.total)) if options.scale < 1 and part not in SIMULATED else None
    manifest = build(reader, store, options.exclude, limit)
    facts |= {"store": {key: manifest[key] for key in ("file", "sha256", "molecules", "frames", "dropped_structures")}}
    write_json(kept, facts)
    return facts


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("--chembl", type=Path, nargs="*", default=[], help=organic_lists.CHEMBL)
    parser.add_argument("--exclude", type=Path, action="append", default=[], help=".smi, or molecule folders")
    parser.add_argument("--part", action="append", choices=PARTS, help="by default all")
    parser.add_argument("--seed", type=int, default=32)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of molecules, for trials")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes, of one thread each")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    run = bench.Run("python benchmarks/organic_data.py --chembl ... --exclude ... --out OUT")
    parts = {}
    for part in [each for each in PARTS if each in (options.part or PARTS)]:
        parts[part] = made(part, options)
        store = parts[part]["store"]
        print(f"{part}: {store['molecules']} molecules, {store['frames']} structures in {options.out / store['file']}")
    whole = {
        each: json.loads(path.read_text()) for each in PARTS if (path := options.out / f"{each}.part.json").is_file()
    }
    write_json(
        options.out / "organic.json", {**run.made_by, "seed": options.seed, "scale": options.scale, "parts": whole}
    )


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
