"""The engine `lanes` against OpenMM: forces, energies, constraints, distributions, speed; at every width there is.

    python benchmarks/lanes.py [--parts forces speed distributions] [--results benchmarks/results]

forces: of one perturbed frame a lane, beside OpenMM's Reference platform. speed: steps of all replicas in a CPU second
of one thread, beside the faster of OpenMM's Reference and CPU platforms on the same System, turn by turn, in one
process. distributions: 16 replicas of .5 ns of both engines from the same starts, for three molecules: temperature,
potential energy, bond lengths, torsions.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import time
import warnings
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.features import lengths, torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.simulation.api import RunSettings, engine_replicas
from eginterpolator.simulation.engines.choice import choose_engine
from eginterpolator.simulation.engines.lanes.engine import TERMS, Lanes
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.system import lane_system
from eginterpolator.simulation.engines.openmm import make_context
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers

MOLECULES = {
    "CCO": 9,
    "CC[C@H](O)C#CCOC": 21,
    "C[NH2+]CCc1ccc(O)cc1": 25,
    "CS(=O)(=O)Nc1ccc(Cl)cc1": 21,
    "CCOP(=O)(OCC)OC(=C)Br": 25,
    "CC(=O)Oc1ccccc1C(=O)[O-]": 20,
    "Ic1ccc(OCCN2CCOCC2)cc1": 30,
    "CC(C)NC[C@H](O)COc1ccc(CC(N)=O)cc1": 41,
    "CCN(CC)CCNC(=O)c1ccc(NC(C)=O)cc1OC": 47,
    "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1": 68,
}
SPEED = ("CCO", "CC[C@H](O)C#CCOC", "CCN(CC)CCNC(=O)c1ccc(NC(C)=O)cc1OC", list(MOLECULES)[-1])
DISTRIBUTIONS = ("CCO", "CC[C@H](O)C#CCOC", "CS(=O)(=O)Nc1ccc(Cl)cc1")
PROTOCOL = ImplicitProtocol()
FORCES = ("HarmonicBondForce", "HarmonicAngleForce", "PeriodicTorsionForce", "NonbondedForce", "GBSAOBCForce")
ROUNDS = 5


def prepared(smiles: str, n: int = 16) -> tuple[Molecule, SimulationSystem, np.ndarray]:
    """A molecule, its System, and starts [n, n_atoms, 3] Å."""
    molecule = Molecule.from_smiles(smiles)
    starts = start_conformers(molecule, n, seed=1)
    return molecule, build_system(molecule, starts[0], PROTOCOL), starts


def compared(smiles: str) -> list[dict[str, Any]]:
    """Forces, energies by term, constraints and temperature of a molecule, a row a width."""
    import openmm

    molecule, built, starts = prepared(smiles)
    for force in built.system.getForces():
        name = type(force).__name__
        force.setForceGroup(FORCES.index(name) if name in FORCES else 31)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(built.system, openmm.VerletIntegrator(0.001), platform)
    random = np.random.default_rng(0)
    frames = (starts * 0.1 + random.normal(0, 0.003, starts.shape)).astype(np.float32)
    wanted, energies = [], []
    for frame in frames[:4]:
        context.setPositions(frame.astype(np.float64))
        wanted.append(context.getState(getForces=True).getForces(asNumpy=True)._value)
        groups = [context.getState(getEnergy=True, groups={k}).getPotentialEnergy()._value for k in range(5)]
        energies.append(groups)
    system = lane_system(built.system)
    rows = []
    for width in widths():
        engine = Lanes(system, width)
        engine.positions_nm = frames[np.arange(width) % 16]
        forces, terms = engine.evaluate()
        values = [terms[name] for name in TERMS]
        ours = np.stack([*values[:4], values[4] + values[5]])[:, :4].T
        error = np.sqrt(((forces[:4] - wanted) ** 2).mean()) / np.sqrt(np.square(wanted).mean())
        engine.positions_nm = starts[np.arange(width) % 16] * 0.1
        engine.settle()
        engine.stop()
        engine.run(1000, 0.0, 20.0, 1.0, 0.5)
        engine.draw_velocities(300.0)
        engine.run(2500, 300.0, 5.0, 4.0)
        kelvin = []
        for _ in range(6400 // width):
            engine.run(25, 300.0, 5.0, 4.0)
            kelvin.append(engine.temperature_K())
        x, worst = engine.positions_nm.astype(np.float64), 0.0
        for k in range(built.system.getNumConstraints()):
            i, j, distance = built.system.getConstraintParameters(k)
            found = np.linalg.norm(x[:, i] - x[:, j], axis=-1)
            worst = max(worst, float(np.abs(found / distance._value - 1).max()))
        each = np.mean(kelvin, axis=0)
        rows.append(
            {
                "smiles": smiles, "atoms": molecule.n_atoms, "width": width, "force_error": float(error),
                "energy_error_kj": float(np.abs(ours - np.array(energies)).max()), "constraint_error": worst,
                "temperature_K": float(each.mean()), "temperature_error_K": float(each.std() / width**0.5),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def openmm_rate(built: SimulationSystem, platform: str, start: np.ndarray) -> Any:
    """A function that gives OpenMM's steps in a CPU second."""
    context, integrator = make_context(built, PROTOCOL, 1, platform, 1)
    context.setPositions(start * 0.1)
    context.setVelocitiesToTemperature(300.0, 1)
    integrator.step(50)

    def rate(seconds: float = 1.0) -> float:
        steps, began = 0, time.process_time()
        while time.process_time() - began < seconds:
            integrator.step(200)
            steps += 200
        context.getState(getEnergy=True)  # all steps are done then
        return steps / (time.process_time() - began)

    return rate


def lanes_rate(engine: Lanes, starts: np.ndarray) -> Any:
    """A function that gives the steps of all lanes in a CPU second."""
    engine.positions_nm = starts[np.arange(engine.width) % len(starts)] * 0.1
    engine.settle()
    engine.stop()
    engine.run(1000, 0.0, 20.0, 1.0, 0.5)
    engine.draw_velocities(300.0)

    def rate(seconds: float = 1.0) -> float:
        steps, began = 0, time.process_time()
        while time.process_time() - began < seconds:
            engine.run(200, 300.0, 1.0, 4.0)
            steps += 200 * engine.width
        return steps / (time.process_time() - began)

    return rate


def speed(smiles: str) -> list[dict[str, Any]]:
    """Steps a CPU second of each width beside OpenMM's, a row a width; medians and extremes of the ratios of rounds."""
    molecule, built, starts = prepared(smiles)
    system = lane_system(built.system)
    rivals = {name: openmm_rate(built, name, starts[0]) for name in ("Reference", "CPU")}
    best = max(rivals, key=lambda name: rivals[name](0.5))
    rates = {width: lanes_rate(Lanes(system, width), starts) for width in widths()}
    found: dict[int, list[tuple[float, float]]] = {width: [] for width in rates}
    for _ in range(ROUNDS):  # turn by turn, so that other load falls on both
        theirs = rivals[best]()
        for width, rate in rates.items():
            found[width].append((rate(), theirs))
    rows = []
    for width, pairs in found.items():
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        rows.append(
            {
                "smiles": smiles, "atoms": molecule.n_atoms, "width": width, "platform": best,
                "steps_per_second": float(np.median([ours for ours, _ in pairs])),
                "openmm_steps_per_second": float(np.median([theirs for _, theirs in pairs])),
                "ratio": float(np.median(ratios)), "lowest": ratios[0], "highest": ratios[-1],
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def distributions(smiles: str) -> dict[str, Any]:
    """16 replicas of .5 ns of both engines from the same starts."""
    molecule, _, starts = prepared(smiles)
    seeds = list(range(1, 17))
    observed = {}
    for name in ("lanes", "openmm"):
        settings = RunSettings(replicas=16, ns=0.5, save_ps=0.5, engine=name, threads=1)
        chosen = choose_engine(name, molecule, PROTOCOL)
        made = list(engine_replicas(chosen, molecule, PROTOCOL, starts, seeds, settings))
        observed[name] = [replica for replica in made if not isinstance(replica, Exception)]
    row: dict[str, Any] = {"smiles": smiles, "atoms": molecule.n_atoms}
    for name, replicas in observed.items():
        row[f"{name}_replicas"] = len(replicas)
        for key, unit in (("temperature_K", 1.0), ("potential_kcal", 4.184)):
            values = np.array([getattr(replica, key) for replica in replicas]) * unit
            label = "temperature_K" if unit == 1.0 else "potential_kj"
            row[f"{name}_{label}"] = [float(values.mean()), float(values.mean(axis=1).std() / len(values) ** 0.5)]
        row[f"{name}_sd_potential_kj"] = float(np.std([replica.potential_kcal for replica in replicas]) * 4.184)
    quadruples = torsion_quadruples(molecule)

    def features(name: str, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        frames = np.concatenate([replica.positions for replica in observed[name][rows]])
        return lengths(frames, molecule.heavy_bonds), torsions(frames, quadruples)

    everything = {name: features(name, slice(None)) for name in observed}
    halves = [features("openmm", slice(0, 8)), features("openmm", slice(8, 16))]
    row["largest_difference_of_mean_lengths_angstrom"] = float(
        np.abs(everything["lanes"][0].mean(axis=0) - everything["openmm"][0].mean(axis=0)).max(initial=0.0)
    )
    row["torsion_jsd"] = _torsion_jsd(everything["lanes"][1], everything["openmm"][1])
    row["torsion_jsd_of_openmm_halves"] = _torsion_jsd(halves[0][1], halves[1][1])
    print(row, flush=True)
    return row


def _torsion_jsd(first: np.ndarray, second: np.ndarray) -> float | None:
    if not first.shape[1]:
        return None
    edges = np.linspace(-np.pi, np.pi, 37)
    counts = [np.stack([np.histogram(column, edges)[0] for column in each.T]) for each in (first, second)]
    return float(np.mean(jensen_shannon(*counts)))


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    lines = [
        "# The engine `lanes` against OpenMM",
        "",
        f"`{result['command']}`, on {result['machine']['processor']}.",
        "",
    ]
    if rows := result.get("forces"):
        lines += ["Forces, energies (largest error of a term), fixed distances, temperature:", ""]
        head = ["molecule", "atoms", "lanes", "force error / rms", "energy, kJ/mol", "distance, relative", "T, K"]
        cells = [
            [f"`{r['smiles']}`", str(r["atoms"]), str(r["width"]), f"{r['force_error']:.1e}",
             f"{r['energy_error_kj']:.4f}", f"{r['constraint_error']:.1e}",
             f"{r['temperature_K']:.1f} ± {r['temperature_error_K']:.1f}"]
            for r in rows
        ]  # fmt: skip
        lines += [bench.table(head, cells), ""]
    if rows := result.get("speed"):
        lines += [
            "Steps of all replicas in a CPU second of one thread (medians of turns; ratios with their range):",
            "",
        ]
        head = ["atoms", "lanes", "million steps/s", "OpenMM, steps/s (platform)", "ratio"]
        cells = [
            [str(r["atoms"]), str(r["width"]), f"{r['steps_per_second'] / 1e6:.2f}",
             f"{r['openmm_steps_per_second']:,.0f} ({r['platform']})",
             f"{r['ratio']:.0f} ({r['lowest']:.0f}-{r['highest']:.0f})"]
            for r in rows
        ]  # fmt: skip
        lines += [bench.table(head, cells), ""]
    if rows := result.get("distributions"):
        lines += ["16 replicas of .5 ns of each engine from the same starts (± standard error over replicas):", ""]
        head = ["molecule", "T, K: lanes", "OpenMM", "U, kJ/mol: lanes", "OpenMM", "sd(U): lanes", "OpenMM",
                "mean lengths differ by at most, Å", "torsion JSD", "of OpenMM's halves"]  # fmt: skip
        cells = []
        for r in rows:
            pairs = [f"{r[f'{n}_{k}'][0]:.1f} ± {r[f'{n}_{k}'][1]:.1f}" for k in ("temperature_K", "potential_kj")
                     for n in ("lanes", "openmm")]  # fmt: skip
            spread = [f"{r[f'{n}_sd_potential_kj']:.1f}" for n in ("lanes", "openmm")]
            jsd = ["–" if r[k] is None else f"{r[k]:.3f}" for k in ("torsion_jsd", "torsion_jsd_of_openmm_halves")]
            longest = f"{r['largest_difference_of_mean_lengths_angstrom']:.4f}"
            cells.append([f"`{r['smiles']}`", *pairs, *spread, longest, *jsd])
        lines += [bench.table(head, cells), ""]
    return "\n".join(lines)


def main() -> None:
    """Measure and write `lanes.json` and `lanes.md`."""
    parser = bench.parser(__doc__)
    parser.add_argument("--parts", nargs="+", default=["forces", "speed", "distributions"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    run = bench.Run(f"python benchmarks/lanes.py --parts {' '.join(options.parts)}")
    result: dict[str, Any] = {"schema_version": 1, **run.made_by}
    if "forces" in options.parts:
        result["forces"] = [row for smiles in MOLECULES for row in compared(smiles)]
    if "speed" in options.parts:
        result["speed"] = [row for smiles in SPEED for row in speed(smiles)]
    if "distributions" in options.parts:
        result["distributions"] = [distributions(smiles) for smiles in DISTRIBUTIONS]
    run.write(options.results, "lanes", result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
