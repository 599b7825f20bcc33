"""Are populations of torsions and of rotamer states, and how long states last, those of MD?

    python benchmarks/populations.py --work WORK [--model NAME] [--frames 300] [--samples 10] [--ns 1] [--replicas 16]

Ibuprofen and celecoxib: `--samples` generated trajectories, and `egi simulate` in lanes, which is what the model was
trained to imitate (Sage 2.2.1, OBC2, 300 K), both into WORK, where what is there is taken. Wells, their names and the
torsions that make up a state are those of the MD, so that both sides count the same things (`analysis`). Shares have
95 % intervals from whole trajectories. *Apart* is a difference whose own 95 % interval, by the normal law with both
sides' half-widths added in squares, does not hold zero.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bench
from eginterpolator.analysis.states import State
from eginterpolator.analysis.tables import Populations
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_molecule_folder

DRUGS = {
    "ibuprofen": "CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O",
    "celecoxib": "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F",
}
SAVE_PS = 1.3
"""Of the MD: a quarter of the model's spacing."""


def make(options: argparse.Namespace) -> tuple[Path, Path]:
    """Folders of what was generated and of the MD, made where they are missing."""
    from eginterpolator.generation.runs import run_generation
    from eginterpolator.generation.tasks import GenerationConfig
    from eginterpolator.models.choice import Models
    from eginterpolator.simulation.job import simulate_many

    molecules = [Molecule.from_smiles(smiles, name) for name, smiles in DRUGS.items()]
    simulated, generated = options.work / "md", options.work / "generated"
    simulate_many(molecules, simulated, ns=options.ns, save_ps=SAVE_PS, replicas=options.replicas)
    config = GenerationConfig(n_frames=options.frames, n_samples=options.samples)
    run_generation(Models.load(options.model, "cpu"), molecules, generated, config)
    return generated, simulated


def compared(generated: Path, simulated: Path) -> dict[str, Any]:
    """Wells and states of one molecule on both sides, with the settings of the runs."""
    molecule, theirs, md = read_molecule_folder(simulated)
    _, ours, meta = read_molecule_folder(generated)
    reference = Populations.of_trajectories(theirs)
    found = Populations.of(molecule, [x.positions for x in ours], ours[0].frame_ps, like=reference)
    wells = []
    for k, (a, b) in enumerate(zip(found.torsions, reference.torsions, strict=True)):
        for w, name in enumerate(b.names):
            row: dict[str, Any] = {
                "torsion": k + 1, "atoms": b.label, "well": name, "degrees": round(float(b.degrees[w]), 1),
                "generated": shares(a.shares[w].tolist()), "md": shares(b.shares[w].tolist()),
                "times_ps": [_finite(a.time_ps), _finite(b.time_ps)],
            }  # fmt: skip
            wells.append({**row, "apart": apart(row["generated"], row["md"]) if b.n_wells > 1 else None})
    return {
        "smiles": molecule.smiles,
        "generated": {
            key: meta[key] for key in ("model", "seed", "samples", "n_frames", "frame_ps", "seconds", "valid")
        },
        "md": {key: md[key] for key in ("engine", "replicas", "ns", "save_ps", "seed", "seconds")},
        "wells": wells,
        "states_of": [reference.torsions[k].label for k in reference.states.torsions],
        "states": states(found.states.rows, reference.states.rows),
    }


def states(ours: Sequence[State], theirs: Sequence[State]) -> list[dict[str, Any]]:
    """The MD's states with the generated ones of the same wells."""
    same = {tuple(state.wells): state for state in ours if state.wells}
    result = []
    for state in theirs:
        if not state.wells:
            continue
        other = same.get(tuple(state.wells))
        row: dict[str, Any] = {"wells": state.wells, "generated": other and side(other), "md": side(state)}
        far = other and apart(row["generated"]["population"], row["md"]["population"])
        result.append({**row, "apart": far})
    return result


def side(state: State) -> dict[str, Any]:
    """What a table says of a state."""
    return {
        "population": shares([state.population, state.low, state.high]),
        "lifetime_ps": shares([state.lifetime_ps, state.lifetime_low_ps, state.lifetime_high_ps]),
        "stays": state.stays,
        "censored": state.censored,
        "exits": state.exits,
    }


def shares(values: Sequence[float]) -> list[float | None]:
    """Share, low, high for JSON."""
    return [_finite(value) for value in values]


def apart(ours: Sequence[float | None], theirs: Sequence[float | None]) -> bool | None:
    """Whether the interval of the difference leaves zero out; None without intervals."""
    if any(value is None for value in (*ours, *theirs)):
        return None
    (a, a_low, a_high), (b, b_low, b_high) = ours, theirs  # type: ignore[misc]
    near = (a - a_low, b_high - b) if a > b else (a_high - a, b - b_low)  # type: ignore[operator]
    return abs(a - b) > math.hypot(*near)  # type: ignore[operator]


def _finite(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def page(result: dict[str, Any]) -> str:
    """Markdown."""
    parts = [
        f"# Populations: generated against MD\n\n`{result['command']}`, {bench.listed(result['machine'])}.\n\n"
        "Shares of frames in per cent with 95 % intervals from whole trajectories; wells are those of the MD. Time: "
        "where the memory of the torsion falls to 1/e. Lifetimes are means with 95 % intervals; in brackets stand the "
        "stays that an end of a trajectory cut."
    ]
    for name, each in result["molecules"].items():
        ours, theirs = each["generated"], each["md"]
        wells = [
            [row["atoms"], f"{row['well']} ({row['degrees']:.0f}°)", _share(row["generated"]), _share(row["md"]),
             _yes(row["apart"]), _time(row["times_ps"][0]), _time(row["times_ps"][1])]
            for row in each["wells"]
        ]  # fmt: skip
        rows = []
        for row in each["states"]:
            sides = [row["generated"], row["md"]]
            cells = [_share(each["population"]) if each else "0" for each in sides]
            lives = [_life(each) if each else "–" for each in sides]
            rows.append([", ".join(row["wells"]) or "all", *cells, _yes(row["apart"]), *lives])
        parts.append(
            f"## {name.capitalize()}, {each['smiles']}\n\n{ours['samples']} × {ours['n_frames']} frames of "
            f"{ours['frame_ps']:g} ps by {ours['model']}, seed {ours['seed']}, {ours['seconds']:.0f} s; MD "
            f"{theirs['replicas']} × {theirs['ns']:g} ns, a frame every {theirs['save_ps']:g} ps, {theirs['engine']}, "
            f"{theirs['seconds']:.0f} s.\n\n"
            + bench.table(
                ["torsion", "well", "generated", "MD", "apart", "time, generated / ps", "time, MD / ps"], wells
            )
            + f"\n\nStates: wells of {', '.join(each['states_of']) or 'no torsion'}.\n\n"
            + bench.table(["state", "generated", "MD", "apart", "lifetime, generated / ps", "lifetime, MD / ps"], rows)
        )
    return "\n\n".join(parts)


def _share(value: Sequence[float | None]) -> str:
    share, low, high = (None if v is None else 100 * v for v in value)
    return f"{share:.1f}" + (f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else "")


def _life(found: dict[str, Any]) -> str:
    mean, low, high = found["lifetime_ps"]
    text = f"> {low:.0f}" if mean is None else f"{mean:.0f} ({low:.0f} to {high:.0f})"
    return f"{text}; {found['stays']} stays ({found['censored']})"


def _time(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


def run(options: argparse.Namespace) -> None:
    """Make what is missing, compare, write."""
    made = bench.Run(
        f"python benchmarks/populations.py --work WORK --model {options.model} --frames {options.frames} "
        f"--samples {options.samples} --ns {options.ns:g} --replicas {options.replicas}"
    )
    generated, simulated = make(options)
    result: dict[str, Any] = {
        **made.made_by,
        **bench.weights_of(options.model),
        "molecules": {name: compared(generated / name, simulated / name) for name in DRUGS},
    }
    text = page(result)
    made.write(options.results, "populations", result, text)
    print(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when the tables are written, 2 when they cannot be (one sentence)."""
    parser = bench.parser(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where trajectories are kept")
    parser.add_argument("--model", default="drugs-obc2")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--ns", type=float, default=1.0)
    parser.add_argument("--replicas", type=int, default=16)
    return bench.ended(__file__, lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
