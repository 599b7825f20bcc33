"""For GROMACS: topology, coordinates, an mdp file a stage, and the commands that run them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.gromacs.settings import mdp, stages
from eginterpolator.simulation.engines.gromacs.topology import solute_topology, write_box
from eginterpolator.simulation.export.settings import RunLength
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, Protocol

EMPTY_BOX_NM = 50.0
BARE_NM = 20.0
"""Cutoff of a molecule alone, which is longer than it."""


def write_gromacs(
    folder: Path, molecule: Molecule, system: SimulationSystem, protocol: Protocol, length: RunLength
) -> list[str]:
    """Write `topol.top`, `start.gro`, `index.ndx`, `em.mdp` ... `prod.mdp` and `run.sh`."""
    import openmm

    notes = []
    explicit = protocol
    if not isinstance(protocol, ExplicitProtocol):
        vectors = np.eye(3) * EMPTY_BOX_NM
        system.system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*row) for row in vectors))
        system = replace(system, positions=system.positions + 5.0 * EMPTY_BOX_NM)
        explicit = ExplicitProtocol(
            temperature_K=protocol.temperature_K, friction_per_ps=protocol.friction_per_ps,
            timestep_fs=protocol.timestep_fs, hydrogen_mass_amu=protocol.hydrogen_mass_amu, npt_steps=0,
        )  # fmt: skip
        notes.append("The molecule is alone, in an empty box and without a cutoff that it would see.")
    if isinstance(protocol, ImplicitProtocol):
        notes.append("GROMACS has no implicit solvent since 2019: these settings run the molecule in vacuum.")
    assert isinstance(explicit, ExplicitProtocol)
    write_box(folder, solute_topology(molecule, protocol), system)
    plan, before = list(stages(explicit, length.n_frames, length.stride)), "start"
    commands = ["#!/bin/sh", "set -e"]
    for number, stage in enumerate(plan):
        text = mdp(explicit, stage, 1 + length.seed + number)
        (folder / f"{stage.name}.mdp").write_text(text if explicit is protocol else bare(text), encoding="utf-8")
        state = f" -t {before}.cpt" if not (stage.minimises or stage.velocities) else ""
        commands.append(
            f"gmx grompp -f {stage.name}.mdp -c {before}.gro -p topol.top -n index.ndx -o {stage.name}.tpr{state}"
        )
        commands.append(f"gmx mdrun -deffnm {stage.name} -cpi {stage.name}.cpt -ntmpi 1")
        before = stage.name
    (folder / "run.sh").write_text("\n".join(commands) + "\n", encoding="utf-8")
    return notes


def bare(text: str) -> str:
    """Settings of a molecule alone in place of those of a box of water."""
    changes = {
        "coulombtype": "Cut-off", "rcoulomb": f"{BARE_NM:g}", "rvdw": f"{BARE_NM:g}", "vdw-modifier": "None",
        "DispCorr": "no",
    }  # fmt: skip
    dropped = ("fourierspacing", "rvdw-switch", "pcoupl", "nstpcouple", "tau-p", "ref-p", "compressibility")
    lines = []
    for line in text.splitlines():
        key = line.split("=")[0].strip()
        if key not in dropped:
            lines.append(f"{key:<24} = {changes[key]}" if key in changes else line)
    return "\n".join([*lines, f"{'coulomb-modifier':<24} = None", f"{'nstlist':<24} = 20", ""])
