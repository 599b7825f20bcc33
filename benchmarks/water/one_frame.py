"""One frame in water by GROMACS and by OpenMM: energy terms, forces, and the tail beyond the cutoff."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.gromacs.frames import xvg
from eginterpolator.simulation.engines.gromacs.program import Gmx, find_gmx
from eginterpolator.simulation.engines.gromacs.settings import Stage, mdp
from eginterpolator.simulation.engines.gromacs.topology import solute_topology, write_box
from eginterpolator.simulation.engines.openmm import make_context
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol
from eginterpolator.simulation.solvent import explicit_system
from eginterpolator.simulation.starts import start_conformers
from water.tail import dispersion_tail

FRAMES = {"CC[C@H](O)C#CCOC": "neutral", "CC(=O)NCC[NH3+]": "charged"}
TIGHT_TOLERANCE, TIGHT_MDP = 1e-7, "ewald-rtol = 1e-8\nfourierspacing = 0.04\npme-order = 8\n"
TEMPERATURE = ("tc-grps", "tau-t", "ref-t", "ld-seed")
TERMS = {
    "bonds": ("Bond",),
    "angles": ("Angle",),
    "torsions": ("Proper-Dih.", "Improper-Dih.", "Per.-Imp.-Dih."),
    "Lennard-Jones": ("LJ-14", "LJ-(SR)"),
    "dispersion tail": ("Disper.-corr.",),
    "Coulomb": ("Coulomb-14", "Coulomb-(SR)", "Coul.-recip."),
}
"""Terms that are compared, and what GROMACS calls their parts."""
COMMON = ExplicitProtocol(**{**BOXES["small"], "least_image_nm": 2.7})
"""A dodecahedron that both engines take."""


def frame_of(smiles: str) -> tuple[Molecule, SimulationSystem]:
    """A solvated molecule whose positions have seen 2 ps, rounded as the gro file rounds them."""
    import openmm

    molecule = Molecule.from_smiles(smiles)
    system = explicit_system(molecule, start_conformers(molecule, 1, 1)[0], COMMON, 1)
    context, integrator = make_context(system, COMMON, 1, "CPU", 1)
    context.setPositions(system.positions * 0.1)
    openmm.LocalEnergyMinimizer.minimize(context, 10.0, 1000)
    context.setVelocitiesToTemperature(300.0, 1)
    integrator.step(500)
    state = context.getState(getPositions=True)
    vectors = [[math.floor(x * 1e6) / 1e6 for x in vector] for vector in state.getPeriodicBoxVectors()._value]
    system.system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*vector) for vector in vectors))
    positions = state.getPositions(asNumpy=True)._value.round(5) * 10.0
    return molecule, replace(system, positions=positions)


def openmm_frame(system: SimulationSystem, tolerance: float | None) -> tuple[dict[str, float], np.ndarray]:
    """Energy terms, kJ/mol, and forces [n, 3], kJ/mol/nm, by OpenMM's Reference platform."""
    import openmm

    groups = {"HarmonicBondForce": 1, "HarmonicAngleForce": 2, "PeriodicTorsionForce": 3, "NonbondedForce": 4}
    energies, forces = {}, np.zeros(0)
    for charged, tail in ((True, True), (False, True), (False, False)):
        copy = openmm.XmlSerializer.clone(system.system)
        for force in copy.getForces():
            force.setForceGroup(groups.get(type(force).__name__, 31))
            if isinstance(force, openmm.NonbondedForce):
                force.setUseDispersionCorrection(tail)
                if tolerance is not None:
                    force.setEwaldErrorTolerance(tolerance)
                if not charged:
                    _uncharge(force)
        context = openmm.Context(copy, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
        context.setPositions(system.positions * 0.1)
        each = [context.getState(getEnergy=True, groups={k}).getPotentialEnergy()._value for k in (1, 2, 3, 4)]
        energies[charged, tail] = each
        if charged:
            forces = context.getState(getForces=True).getForces(asNumpy=True)._value
    *bonded, whole = energies[True, True]
    lj, bare = energies[False, True][3], energies[False, False][3]
    return dict(zip(TERMS, [*bonded, bare, lj - bare, whole - lj], strict=True)), np.asarray(forces)


def _uncharge(force: Any) -> None:
    for k in range(force.getNumParticles()):
        _, sigma, epsilon = force.getParticleParameters(k)
        force.setParticleParameters(k, 0.0, sigma, epsilon)
    for k in range(force.getNumExceptions()):
        i, j, _, sigma, epsilon = force.getExceptionParameters(k)
        force.setExceptionParameters(k, i, j, 0.0, sigma, epsilon)


def gromacs_frame(
    gmx: Gmx, molecule: Molecule, system: SimulationSystem, more: str
) -> tuple[dict[str, float], np.ndarray]:
    """The same by GROMACS, from the topology and the settings of the engine; `more` settings go before these."""
    with tempfile.TemporaryDirectory(prefix="egi-") as name:
        folder = Path(name)
        write_box(folder, solute_topology(molecule, COMMON), system)
        lines = mdp(COMMON, Stage("point", 0, 0.004), 1).splitlines()
        keys = {line.split("=")[0].strip() for line in more.splitlines()} | {"integrator", "continuation", *TEMPERATURE}
        kept = [line for line in lines if line.split("=")[0].strip() not in keys]
        text = "\n".join([*kept, more, "integrator = md", "continuation = yes", "nstfout = 1", "nstxout = 1", ""])
        (folder / "point.mdp").write_text(text)
        gmx.run(
            folder, "grompp", "-f", "point.mdp", "-c", "start.gro", "-p", "topol.top", "-n", "index.ndx",
            "-o", "point.tpr", "-maxwarn", 1,
        )  # fmt: skip
        gmx.run(folder, "mdrun", "-deffnm", "point", "-ntmpi", 1, "-ntomp", 1, "-reprod")
        known = _energy_terms(gmx, folder)
        parts = [part for parts in TERMS.values() for part in parts if part in known]
        parts.sort(key=known.__getitem__)  # the order of the columns
        given = "\n".join(str(known[part]) for part in parts) + "\n\n"
        gmx.run(folder, "energy", "-f", "point.edr", "-o", "e.xvg", "-dp", given=given)
        values = dict(zip(parts, xvg(folder / "e.xvg")[0][1:], strict=True))
        forces = _forces(gmx, folder)
    return {term: float(sum(values.get(part, 0.0) for part in parts)) for term, parts in TERMS.items()}, forces


def _energy_terms(gmx: Gmx, folder: Path) -> dict[str, int]:
    """Numbers of the terms that an energy file has, by name."""
    said = subprocess.run(
        [gmx.path, "-quiet", "energy", "-f", "point.edr", "-o", "none.xvg"], cwd=folder, input="\n\n", text=True,
        capture_output=True, check=False,
    ).stderr  # fmt: skip
    return {name: int(k) for k, name in re.findall(r"(\d+)\s\s(\S+)", said.split("-----\n", 1)[1])}


def _forces(gmx: Gmx, folder: Path) -> np.ndarray:
    """Forces of the first frame of point.trr."""
    said = subprocess.run(
        [gmx.path, "-quiet", "dump", "-f", "point.trr"], cwd=folder, text=True, capture_output=True, check=True
    ).stdout
    rows = re.findall(r"\sf\[\s*\d+\]=\{([^}]*)\}", said)
    return np.array([[float(x) for x in row.split(",")] for row in rows])


def compared(smiles: str) -> list[dict[str, Any]]:
    """Differences of energies and forces, with a tight Ewald sum and with the settings of production.

    Beside them the tail as it should be, with each engine's count of pairs, and how far each engine's Coulomb energy
    is from its own of the tight sum.
    """
    molecule, system = frame_of(smiles)
    double = shutil.which("gmx_d")
    (nonbonded,) = (force for force in system.system.getForces() if type(force).__name__ == "NonbondedForce")
    box = np.array([list(vector._value) for vector in system.system.getDefaultPeriodicBoxVectors()])
    tails = dispersion_tail(nonbonded, float(np.linalg.det(box)))
    rows: list[dict[str, Any]] = []
    for name in ("tight", "production"):
        tight = name == "tight"
        gmx = find_gmx(double if tight and double else "auto")
        theirs, wanted = openmm_frame(system, TIGHT_TOLERANCE if tight else None)
        ours, forces = gromacs_frame(gmx, molecule, system, TIGHT_MDP if tight else "")
        error = np.sqrt(((forces - wanted) ** 2).sum(axis=1).mean() / (wanted**2).sum(axis=1).mean())
        solute = slice(0, molecule.n_atoms)
        error_solute = np.sqrt(((forces - wanted)[solute] ** 2).mean() / (wanted[solute] ** 2).mean())
        rows.append(
            {
                "smiles": smiles, "kind": FRAMES[smiles], "settings": name, "atoms": len(wanted),
                "precision": "double" if tight and double else "mixed", "force_error": float(error),
                "force_error_solute": float(error_solute), "energies_kj": ours, "openmm_energies_kj": theirs,
                "differences_kj": {term: ours[term] - theirs[term] for term in TERMS}, "tails_kj": tails,
            }
        )  # fmt: skip
        exact = rows[0]
        rows[-1]["coulomb_from_tight_kj"] = {
            "GROMACS": ours["Coulomb"] - exact["energies_kj"]["Coulomb"],
            "OpenMM": theirs["Coulomb"] - exact["openmm_energies_kj"]["Coulomb"],
        }
        print(json.dumps(rows[-1]), flush=True)
    return rows
