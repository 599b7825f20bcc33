"""Which friction makes torsions in implicit solvent keep the pace that they have in explicit water?

    python benchmarks/friction.py datasets/water/water.h5 [FOLDER ...] [--friction 1 2 5 10 20 30 50] [--docs PAGE]

A source is a packed file, or a folder of molecule folders of simulations in water; molecules of the held-out lists are
refused, since a friction that they had a part in cannot be judged by them. Of each molecule 16 lanes of OBC2, as long
as its replicas in water are, run at each friction. Times are those of `analysis.clocks`, of one torsion a bond that
turns and one a ring. Measured are those that water has between 5 and 700 ps with ten transitions.

A short run makes a slow torsion look faster. So lanes are taken in groups of as many replicas as water has: a time is
the geometric mean over the groups, and a bound where half of them do not forget within half a replica. What the same
measure finds where nothing differs stands beside: a group of lanes against the other groups, and a replica in water
against the others. Then the torsions by their environment, and choices of a friction that a molecule had no part in.

What was run by an earlier call, of the same frames and settings, is taken from the results that are there, and a
friction that only some molecules were run at is in no table. Writes `friction.json` and `friction.md` into --results,
and with --docs the first table between the markers `friction`.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import bench
from eginterpolator.analysis.clocks import FACTOR
from eginterpolator.errors import InputError
from eginterpolator.files.io import fill, write_json
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.protocol import WATER_FRICTION_PER_PS
from water.pace import EQUILIBRATION_PS, REPLICAS, SEED, compared, read_water, refuse_held_out
from water.ratios import NOW, classes, left_out, rows_of, told

FRICTIONS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0)


def cells(found: dict[str, Any]) -> list[str]:
    """Number, share, median and rms of a summary."""
    if not found:
        return ["0", "–", "–", "–"]
    number = f"{found['torsions']} ({found['molecules']})"
    return [number, *(told(found[key]) for key in ("within", "median_log", "rms_log"))]


HEAD = ["torsions (molecules)", f"within a factor of {FACTOR:g}", "median log ratio", "rms log ratio"]


def first_table(result: dict[str, Any]) -> str:
    """By friction, with what the measure finds where nothing differs."""
    rows = [[f"{friction}/ps", *cells(found)] for friction, found in result["by_friction"].items()]
    rows += [[label, *cells(found)] for label, found in result["beside"].items()]
    return bench.table(["OBC2 over water", *HEAD], rows)


def page(result: dict[str, Any]) -> str:
    """All tables."""
    frictions = list(result["by_friction"])
    by_class = []
    for name, found in result["by_class"].items():
        first = found[frictions[0]]
        figures = [
            f"{found[f]['within']['mean']:.2f}, {told(found[f]['median_log'], '+.2f').split()[0]}" for f in frictions
        ]
        least = min(frictions, key=lambda f: found[f]["rms_log"]["mean"])
        by_class.append([name, f"{first['torsions']} ({first['molecules']})", *figures, least])
    rules = result["left_out"]["rules"]
    choices = [[rule, *cells(found)[1:], told(found["more_than_one_number"], "+.2f")] for rule, found in rules.items()]
    each = [
        [name, found["smiles"], f"{found['replicas']} x {found['ns']:g}", _torsions(found, frictions)]
        for name, found in result["molecules"].items()
    ]
    text = [
        "# Friction at which OBC2 keeps the pace of water",
        f"\n`{result['command']}`, {bench.listed(result['machine'])}. Molecules of `datasets/water`, none of a test "
        "set. Logarithms are natural: .69 is a factor of two. Intervals are 95 %, over molecules; ? is a bound. Median "
        "and share count bounds as times that are longer, the rms as what they are.\n",
        first_table(result),
        "\n## By environment\nShare within a factor of two and median log ratio at each friction; the last column has "
        "the least rms.\n",
        bench.table(["", "torsions (molecules)", *(f"{f}/ps" for f in frictions), "least rms"], by_class),
        "\n## Chosen by the other molecules\nEach molecule is judged at frictions that it had no part in. The last "
        "column is the mean square of the log ratio, minus that of one number. One number is, molecule by molecule: "
        f"{_counted(result['left_out']['one_number'])}.\n",
        bench.table(["friction", *HEAD[1:], "more than one number"], choices),
        "\n## Molecules\nTime in water, ps, and the ratio of OBC2 to it at each friction "
        f"({', '.join(frictions)}/ps) of each measured torsion; > is a bound.\n",
        bench.table(["", "", "water, ns", "torsions"], each),
    ]
    failed = [f"- {name}: {reason}" for name, reason in result["failures"].items()]
    return "\n".join([*text, *(["\n## Not run", *failed] if failed else [])])


def _counted(values: Sequence[str]) -> str:
    numbers = sorted({float(value) for value in values})
    return ", ".join(f"{number:g}/ps ({sum(float(v) == number for v in values)})" for number in numbers)


def _torsions(found: dict[str, Any], frictions: Sequence[str]) -> str:
    told = []
    for k, torsion in enumerate(found["torsions"]):
        if torsion["measured"] and found["friction"]:
            values = [found["friction"][f][k] for f in frictions]
            text = " ".join(f"{'>' if bound else ''}{ratio:.2f}" for ratio, bound in values)
            told.append(f"{torsion['environment']} {torsion['water_ps']:.0f}: {text}")
    return "; ".join(told) or "none measured"


def main() -> None:
    """Measure the molecules that are new, and write the tables of all."""
    parser = bench.parser(__doc__)
    parser.add_argument("sources", type=Path, nargs="+", help="packed files, or folders of molecule folders")
    parser.add_argument("--friction", type=float, nargs="+", default=list(FRICTIONS), metavar="PER_PS")
    parser.add_argument("--docs", type=Path, help="Markdown file with the markers of 'friction'")
    options = parser.parse_args()
    run = bench.Run(f"python benchmarks/friction.py {' '.join(bench.label_of(path) for path in options.sources)}")
    waters = read_water(options.sources)
    refuse_held_out(waters)
    file = options.results / "friction.json"
    before = json.loads(file.read_text()) if file.is_file() else {"molecules": {}}
    settings = {"replicas": REPLICAS, "equilibration_ps": EQUILIBRATION_PS, "seed": SEED}
    molecules: dict[str, dict[str, Any]] = {}
    failures = {}
    for water in waters:
        name, known = water.molecule.name, {"digest": water.digest, "settings": settings}
        kept = before["molecules"].get(name, {})
        if any(kept.get(key) != value for key, value in known.items()):
            kept = {**known, **compared(water, ())}
        molecules[name] = before["molecules"][name] = kept
    for friction in sorted({1.0, WATER_FRICTION_PER_PS, *options.friction}):
        for water in waters:
            name = water.molecule.name
            if name not in molecules or f"{friction:g}" in molecules[name]["friction"]:
                continue
            try:
                add(molecules[name], compared(water, [friction]))
            except (InputError, SimulationError) as error:
                failures[name] = str(error)
                del molecules[name]
                continue
            write_json(file, before)
            print(f"{name}, {friction:g}/ps: {_torsions(molecules[name], [f'{friction:g}'])}", flush=True)
    found = summarised(molecules, shared(molecules.values()))
    result = {**run.made_by, **found, "failures": failures, "molecules": molecules}
    run.write(options.results, "friction", result, page(result))
    if options.docs is not None:
        fill(options.docs, "friction", first_table(result))
    print(page(result))


def add(kept: dict[str, Any], found: dict[str, Any]) -> None:
    """Put what was found at another friction into a molecule's results."""
    for key in ("friction", "lanes"):
        kept[key].update(found[key])
    if found["hydrogen_bond"] is not None:
        kept["hydrogen_bond"] = found["hydrogen_bond"]


def shared(molecules: Iterable[dict[str, Any]]) -> list[str]:
    """Frictions that every molecule with a measured torsion was run at, ascending."""
    each = [set(found["friction"]) for found in molecules if any(t["measured"] for t in found["torsions"])]
    return sorted(set.intersection(*each), key=float) if each else []


def summarised(molecules: dict[str, dict[str, Any]], frictions: Sequence[str]) -> dict[str, Any]:
    """The figures of all tables.

    Raises
    ------
    InputError
        When no torsion of these molecules can be measured.
    """
    every = list(molecules.values())
    by_friction = {friction: rows_of(every, "friction", friction).summary() for friction in frictions}
    if not by_friction:
        raise InputError("No torsion of these molecules can be measured; give longer simulations, or more of them.")
    return {
        "by_friction": by_friction,
        "beside": {
            f"a group of lanes against the others, {NOW}/ps": rows_of(every, "lanes", NOW).summary(),
            "a replica in water against the others": rows_of(every, "water", "").summary(),
        },
        "by_class": {
            name: {friction: rows_of(every, "friction", friction, wanted).summary() for friction in frictions}
            for name, wanted in classes(every).items()
        },
        "left_out": left_out(every, frictions),
    }


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
