"""GROMACS against OpenMM in explicit water: energies and forces of one frame, density, speed, and the size of the box.

    python benchmarks/water_engines.py [--parts frames density speed box] [--results benchmarks/results]

frames: a neutral and a charged molecule in a dodecahedron whose images are 2.7 nm apart (OpenMM takes none that is much
smaller), solvated, minimised and run for 2 ps; energy terms and forces of the same coordinates by GROMACS and by
OpenMM's Reference platform. Once with a tight Ewald sum in both (and GROMACS in double precision where `gmx_d` is
there), which compares the parameters, and once with the settings of production.
density: production of the same protocol in the small box. speed: steps in a CPU second of one thread, by box, turn by
turn. box: torsions of a flexible molecule in the small and in the 1.5 nm box, beside the spread of replicas. Parts that
are not asked for are taken from the results that are there.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.simulation.api import RunSettings, run_replicas
from eginterpolator.simulation.engines.gromacs.engine import prepare
from eginterpolator.simulation.engines.gromacs.program import find_gmx
from eginterpolator.simulation.engines.gromacs.settings import Stage, mdp
from eginterpolator.simulation.engines.gromacs.topology import solute_topology
from eginterpolator.simulation.engines.openmm import make_context
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol
from eginterpolator.simulation.solvent import explicit_system
from eginterpolator.simulation.starts import start_conformers
from water.one_frame import COMMON, FRAMES, TERMS, compared

FLEXIBLE = "CCOCCO"
PARTS = ("frames", "density", "speed", "box")
TAIL_AND_SUM = """The tail differs by the pairs of its mean: OpenMM counts each atom with itself and excluded pairs,
GROMACS neither (`water/tail.py`; it has no force on an atom). "Coulomb from tight" is what the mesh of production
costs each engine."""

CUBE = ExplicitProtocol(padding_nm=1.4, least_image_nm=2.15, nvt_steps=1000, npt_steps=2500)
BY_BOX = {
    "dodecahedron 2.15 nm (small)": ExplicitProtocol(**BOXES["small"]),
    "cube 2.15 nm": CUBE,
    "cube 3.0 nm (published)": ExplicitProtocol(),
}
DENSITY_NS = {"gromacs": 0.1, "openmm": 0.04}
ROUNDS = 3
STEPS = {"gromacs": 2000, "openmm": 100}
BOX_REPLICAS, BOX_NS = 3, 0.4


def density(engine: str) -> dict[str, Any]:
    """Density, temperature and potential energy of ethanol in the cube of 2.15 nm, with errors from blocks."""
    molecule = Molecule.from_smiles("CCO")
    settings = RunSettings(replicas=1, ns=DENSITY_NS[engine], save_ps=0.4, seed=1, engine=engine, threads=1)
    (made,) = run_replicas(molecule, CUBE, settings)
    row: dict[str, Any] = {"engine": engine, "platform": made.platform, "ns": DENSITY_NS[engine]}
    for key in ("density_g_ml", "temperature_K", "potential_kcal"):
        values = getattr(made, key)
        blocks = [block.mean() for block in np.array_split(values, 8)]
        row[key], row[f"{key}_error"] = float(values.mean()), float(np.std(blocks, ddof=1) / len(blocks) ** 0.5)
    print(json.dumps(row), flush=True)
    return row


def speeds() -> list[dict[str, Any]]:
    """Steps in a CPU second of one thread, of each engine and box, turn by turn; medians of the rounds."""
    molecule = Molecule.from_smiles(next(iter(FRAMES)))
    start, solute = start_conformers(molecule, 1, 1)[0], solute_topology(molecule, COMMON)
    rows = []
    with tempfile.TemporaryDirectory(prefix="egi-") as name:
        for label, protocol in BY_BOX.items():
            folder = Path(name) / label.replace(" ", "_")
            prepare(folder, solute, molecule, protocol, start, 1)
            system = explicit_system(molecule, start, protocol, 1)
            rates: dict[str, list[float]] = {"gromacs": [], "openmm": []}
            openmm = _openmm_rate(system, protocol) if "small" not in label else None
            gromacs = _gromacs_rate(folder, protocol)
            for _ in range(ROUNDS):
                rates["gromacs"].append(gromacs())
                if openmm is not None:
                    rates["openmm"].append(openmm())
            for engine, found in rates.items():
                if found:
                    day = [rate * protocol.timestep_fs * 86400e-6 for rate in found]
                    rows.append(
                        {"box": label, "atoms": len(system.positions), "engine": engine, "ns_per_day_core": day}
                    )
                    print(json.dumps(rows[-1]), flush=True)
    return rows


def _gromacs_rate(folder: Path, protocol: ExplicitProtocol) -> Any:
    """A function that gives steps in a CPU second of mdrun with one thread; minimised before."""
    gmx = find_gmx()
    for stage, before in ((Stage("em", 1000), "start"), (Stage("run", STEPS["gromacs"], 0.004, 0, True, True), "em")):
        (folder / f"{stage.name}.mdp").write_text(mdp(protocol, stage, 1))
        gmx.run(
            folder, "grompp", "-f", f"{stage.name}.mdp", "-c", f"{before}.gro", "-p", "topol.top", "-n", "index.ndx",
            "-o", f"{stage.name}.tpr", "-maxwarn", 1,
        )  # fmt: skip
        if stage.minimises:
            gmx.run(folder, "mdrun", "-deffnm", "em", "-ntmpi", 1, "-ntomp", 1)

    def rate() -> float:
        spent = []
        for steps in (0, STEPS["gromacs"]):  # what it needs to begin is not counted
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            gmx.run(folder, "mdrun", "-deffnm", "run", "-ntmpi", 1, "-ntomp", 1, "-pin", "off", "-nsteps", steps)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return STEPS["gromacs"] / (spent[1] - spent[0])

    return rate


def _openmm_rate(system: SimulationSystem, protocol: ExplicitProtocol) -> Any:
    """A function that gives steps in a CPU second on the platform CPU with one thread; minimised before."""
    import openmm

    context, integrator = make_context(system, protocol, 1, "CPU", 1)
    context.setPositions(system.positions * 0.1)
    openmm.LocalEnergyMinimizer.minimize(context, 10.0, 200)
    context.setVelocitiesToTemperature(300.0, 1)
    integrator.step(20)

    def rate() -> float:
        began = time.process_time()
        integrator.step(STEPS["openmm"])
        context.getState(getEnergy=True)  # all steps are done then
        return STEPS["openmm"] / (time.process_time() - began)

    return rate


def boxes() -> dict[str, Any]:
    """Torsion JSD of replicas in the small box, and in the 1.5 nm box, against the others of the 1.5 nm box."""
    molecule = Molecule.from_smiles(FLEXIBLE)
    quadruples = torsion_quadruples(molecule)
    angles = {}
    for box, settings in BOXES.items():
        run = RunSettings(replicas=BOX_REPLICAS, ns=BOX_NS, save_ps=0.2, seed=3, engine="gromacs", threads=2)
        made = run_replicas(molecule, ExplicitProtocol(**settings), run)
        angles[box] = [torsions(replica.positions, quadruples) for replica in made]
        print(box, made[0].platform, round(made[0].steps_per_second), flush=True)

    def apart(box: str) -> list[list[float]]:
        rows = []
        for k in range(BOX_REPLICAS):
            others = np.concatenate([a for j, a in enumerate(angles["published"]) if j != k])
            rows.append([_jsd(angles[box][k][:, t], others[:, t]) for t in range(len(quadruples))])
        return rows

    return {
        "smiles": FLEXIBLE, "replicas": BOX_REPLICAS, "ns": BOX_NS, "torsions": len(quadruples),
        "small_to_published": apart("small"), "published_to_published": apart("published"),
    }  # fmt: skip


def _jsd(a: np.ndarray, b: np.ndarray) -> float:
    counts = [np.histogram(x, bins=36, range=(-np.pi, np.pi))[0].astype(float) for x in (a, b)]
    return float(jensen_shannon(*counts))


def page(result: dict[str, Any]) -> str:
    """The tables."""
    text = [f"# GROMACS and OpenMM in explicit water\n\n`{result['command']}`, {bench.listed(result['machine'])}.\n"]
    if "frames" in result:
        rows = [
            [row["kind"], row["settings"], row["precision"]]
            + [f"{row[key]:.1e}" for key in ("force_error", "force_error_solute")]
            + [f"{row['differences_kj'][term]:+.4f}" for term in TERMS]
            for row in result["frames"]
        ]
        columns = ["molecule", "settings", "precision", "forces", "of the solute", *TERMS]
        text += ["## One frame\nForces: rms difference over rms force. Terms: GROMACS minus OpenMM, kJ/mol.", ""]
        text += [bench.table(columns, rows), "", TAIL_AND_SUM, ""]
        rows = [
            [row["kind"], row["settings"]]
            + [
                f"{value:+.4f}"
                for engine, terms in (("GROMACS", row["energies_kj"]), ("OpenMM", row["openmm_energies_kj"]))
                for value in (
                    terms["dispersion tail"], row["tails_kj"][engine], row["coulomb_from_tight_kj"][engine]
                )
            ]
            for row in result["frames"]
        ]  # fmt: skip
        each = ("tail", "tail by formula", "Coulomb from tight")
        text += [
            bench.table(["molecule", "settings", *(f"{e}: {c}" for e in ("GROMACS", "OpenMM") for c in each)], rows),
            "",
        ]
    if "density" in result:
        rows = [
            [
                row["engine"], f"{row['ns']:g}", f"{row['density_g_ml']:.4f} ± {row['density_g_ml_error']:.4f}",
                f"{row['temperature_K']:.1f} ± {row['temperature_K_error']:.1f}",
                f"{row['potential_kcal']:.1f} ± {row['potential_kcal_error']:.1f}",
            ]
            for row in result["density"]
        ]  # fmt: skip
        text += ["## Density", "Ethanol in the cube of 2.15 nm, 300 K; errors from 8 blocks.", ""]
        text += [bench.table(["engine", "ns", "g/ml", "K", "potential, kcal/mol"], rows), ""]
    if "speed" in result:
        rows = [
            [row["box"], str(row["atoms"]), row["engine"], bench.spread(row["ns_per_day_core"], 0)]
            for row in result["speed"]
        ]
        text += ["## Speed", "One thread, ns a day of CPU time: median of the rounds (least to most).", ""]
        text += [bench.table(["box", "atoms", "engine", "ns/day and core"], rows), ""]
    if "box" in result:
        found = result["box"]
        rows = [
            [label, f"{np.mean(found[key]):.3f}", " ".join(f"{np.mean(row):.3f}" for row in found[key])]
            for label, key in (("small", "small_to_published"), ("1.5 nm", "published_to_published"))
        ]
        text += [
            "## Size of the box",
            f"{found['torsions']} torsions of {found['smiles']}, {found['replicas']} replicas of {found['ns']:g} ns in "
            "each box: JSD of a replica to the other replicas in the 1.5 nm box.",
            "",
            bench.table(["box", "mean", "replicas"], rows),
        ]
    return "\n".join(text)


def main() -> None:
    """Measure the parts that are asked for, keep the others, and write the page."""
    parser = bench.parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    run = bench.Run(f"python benchmarks/water_engines.py --parts {' '.join(options.parts)}")
    file = options.results / "water_engines.json"
    before = json.loads(file.read_text()) if file.is_file() else {}
    result = {part: before[part] for part in (*PARTS, "calls") if part in before} | run.made_by
    if "frames" in options.parts:
        result["frames"] = [row for smiles in FRAMES for row in compared(smiles)]
    if "density" in options.parts:
        result["density"] = [density(engine) for engine in DENSITY_NS]
    if "speed" in options.parts:
        result["speed"] = speeds()
    if "box" in options.parts:
        result["box"] = boxes()
    call = {"command": run.command, "load_average": run.machine["load_average_at_start"], "minutes": run.minutes}
    result["calls"] = result.get("calls", {}) | dict.fromkeys(options.parts, call)
    run.write(options.results, "water_engines", result, page(result))
    print(page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
