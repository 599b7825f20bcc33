"""For AMBER: prmtop and inpcrd by Interchange, an input file a stage, and the commands that run them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.gromacs.topology import rigid_water, solvent
from eginterpolator.simulation.export.prmtop import with_residues, with_rigid_waters, with_section
from eginterpolator.simulation.export.settings import RunLength
from eginterpolator.simulation.parameters import SimulationSystem, force_field, openff_molecule, refused
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, OpenProtocol, Protocol

WATER = "WAT"
SOLVENT = {"HOH": ("O", WATER), "CL": ("[Cl-]", "Cl-"), "NA": ("[Na+]", "Na+")}
"""SMILES and AMBER's name of what Modeller puts around a solute."""


def write_amber(
    folder: Path, molecule: Molecule, system: SimulationSystem, protocol: Protocol, length: RunLength
) -> list[str]:
    """Write `system.prmtop`, `system.inpcrd`, `em.in` ... `prod.in` and `run.sh`.

    Raises
    ------
    InputError
        When the box is no cube, which Interchange cannot write for AMBER.
    """
    if isinstance(protocol, ExplicitProtocol) and protocol.box != "cubic":
        raise InputError("The export for amber takes the cubic box only; give --box published, or export for another.")
    made = _interchange(molecule, system, protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.to_prmtop(str(folder / "system.prmtop"))
        made.to_inpcrd(str(folder / "system.inpcrd"))
    text = (folder / "system.prmtop").read_text(encoding="utf-8")
    count = system.system.getNumParticles()
    text = with_section(text, "MASS", [system.system.getParticleMass(k)._value for k in range(count)])
    notes = []
    if isinstance(protocol, ImplicitProtocol):
        radii = _gb_radii(system)
        text = with_section(text, "RADII", [10.0 * radius for radius, _ in radii])
        text = with_section(text, "SCREEN", [scale for _, scale in radii])
    if isinstance(protocol, ExplicitProtocol):
        residues = list(solvent(system))
        names = ["MOL", *(SOLVENT[residue.name][1] for residue in residues)]
        text = with_residues(text, names, [molecule.n_atoms, *(len(residue.atoms) for residue in residues)])
        waters = [residue.first for residue in residues if SOLVENT[residue.name][1] == WATER]
        oh, hh = rigid_water(system.system, waters[0])
        text = with_rigid_waters(text, waters, 10.0 * oh, 10.0 * hh)
        notes.append("AMBER cuts Lennard-Jones at the cutoff, without the switch of the protocol, and adds its tail.")
    (folder / "system.prmtop").write_text(text, encoding="utf-8")
    commands, before = ["#!/bin/sh", "set -e"], "system.inpcrd"
    for name, settings in _stages(protocol, length):
        lines = "\n".join(f"  {key} = {value}," for key, value in settings.items())
        (folder / f"{name}.in").write_text(f"{name}\n&cntrl\n{lines}\n/\n", encoding="utf-8")
        commands.append(
            f"sander -O -i {name}.in -p system.prmtop -c {before} -o {name}.out -r {name}.rst7 -x {name}.nc"
        )
        before = f"{name}.rst7"
    (folder / "run.sh").write_text("\n".join(commands) + "\n", encoding="utf-8")
    return notes


def _interchange(molecule: Molecule, system: SimulationSystem, protocol: Protocol) -> Any:
    from openff.interchange import Interchange
    from openff.toolkit import ForceField, Topology
    from openff.toolkit import Molecule as OFFMolecule
    from openff.units import unit

    off = openff_molecule(molecule, protocol)
    field, others = force_field(protocol.force_field), []
    explicit = isinstance(protocol, ExplicitProtocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _named(off, [f"{atom.symbol}{k + 1}"[:4] for k, atom in enumerate(off.atoms)])
            if explicit:
                field = ForceField(protocol.force_field, "tip3p.offxml")
                kinds: dict[str, Any] = {}
                for residue in solvent(system):
                    if residue.name not in kinds:
                        smiles, label = SOLVENT[residue.name]
                        kinds[residue.name] = _named(OFFMolecule.from_smiles(smiles), list(residue.atoms))
                        if label == WATER:
                            _same_oxygen(field, system, residue.first)
                    others.append(kinds[residue.name])
            made: Any = Interchange.from_smirnoff(
                field, Topology.from_molecules([off, *others]), charge_from_molecules=[off]
            )
        except Exception as error:
            raise refused(molecule, error) from error
    made.positions = unit.Quantity(np.asarray(system.positions) * 0.1, unit.nanometer)
    if explicit:
        vectors = [vector._value for vector in system.system.getDefaultPeriodicBoxVectors()]
        made.box = unit.Quantity(np.array(vectors), unit.nanometer)
    return made


def _named(off: Any, names: list[str]) -> Any:
    """The OpenFF molecule with these atom names."""
    for atom, name in zip(off.atoms, names, strict=True):
        atom.name = name
    return off


def _same_oxygen(field: Any, system: SimulationSystem, first: int) -> None:
    """OpenFF's TIP3P has an oxygen that differs by .07 % in its well from the one that is simulated; take that one."""
    import openmm
    from openff.units import unit

    nonbonded = next(force for force in system.system.getForces() if isinstance(force, openmm.NonbondedForce))
    _, sigma, epsilon = nonbonded.getParticleParameters(first)
    for parameter in field.get_parameter_handler("vdW").parameters:
        if parameter.id == "n-tip3p-O":
            parameter.epsilon = unit.Quantity(epsilon._value, "kilojoule / mole")
            parameter.sigma = unit.Quantity(sigma._value, "nanometer")


def _gb_radii(system: SimulationSystem) -> list[tuple[float, float]]:
    """Radius in nm and scale of each atom in OBC2."""
    import openmm

    force = next(force for force in system.system.getForces() if isinstance(force, openmm.GBSAOBCForce))
    rows = [force.getParticleParameters(k) for k in range(force.getNumParticles())]
    return [(radius._value, float(scale)) for _, radius, scale in rows]


def _stages(protocol: Protocol, length: RunLength) -> list[tuple[str, dict[str, Any]]]:
    """Settings of sander by stage."""
    common: dict[str, Any] = {"ntc": 2, "ntf": 2, "cut": 999.0, "ntb": 0, "igb": 6, "ntpr": 5000}
    first, second = 0, 0
    if isinstance(protocol, ExplicitProtocol):
        common |= {"cut": 10 * protocol.cutoff_nm, "ntb": 1, "igb": 0}
        first, second = int(protocol.nvt_steps), int(protocol.npt_steps)
    elif isinstance(protocol, OpenProtocol):
        first = round(protocol.equilibration_ps * 1000 / protocol.timestep_fs)
    if isinstance(protocol, ImplicitProtocol):
        common |= {"igb": 5, "extdiel": protocol.solvent_dielectric, "intdiel": protocol.solute_dielectric}
    moving = common | {
        "dt": protocol.timestep_fs / 1000, "ntt": 3, "gamma_ln": protocol.friction_per_ps,
        "temp0": protocol.temperature_K, "tempi": protocol.temperature_K, "ig": 1 + length.seed,
    }  # fmt: skip
    pressure = {}
    if isinstance(protocol, ExplicitProtocol):
        pressure = {"ntb": 2, "ntp": 1, "barostat": 2, "pres0": protocol.pressure_bar}
    plan: list[tuple[str, dict[str, Any]]] = [("em", {"imin": 1, "maxcyc": 1000, **common})]
    if first:
        plan.append(("equil" if not pressure else "nvt", {**moving, "nstlim": first, "irest": 0, "ntx": 1}))
    if second:
        restart = {"irest": 1, "ntx": 5} if first else {"irest": 0, "ntx": 1}
        plan.append(("npt", {**moving, **pressure, "nstlim": second, **restart}))
    warm = bool(first or second)
    plan.append(
        ("prod", {**moving, **pressure, "nstlim": length.steps, "ntwx": length.stride, "ioutfm": 1,
                  "irest": int(warm), "ntx": 5 if warm else 1})
    )  # fmt: skip
    return plan
