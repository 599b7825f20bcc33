"""Topology and box as GROMACS reads them: the solute by Interchange, water and ions from the System of OpenMM."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.gromacs.settings import GROUP
from eginterpolator.simulation.parameters import SimulationSystem, force_field, openff_molecule, refused
from eginterpolator.simulation.protocol import Protocol

ATOM_TYPES_END = "[ moleculetype ]"
SYSTEM = "[ system ]"
SOLUTE = "MOL0"
"""What Interchange calls the first molecule."""
NAME_LENGTH = 5
"""Characters of names in a gro file."""


@dataclass(frozen=True)
class Residue:
    """A residue of the solvent: its name, atoms, and the atoms' indices in the System."""

    name: str
    atoms: tuple[str, ...]
    numbers: tuple[int, ...]
    first: int


def solute_topology(molecule: Molecule, protocol: Protocol) -> str:
    """The GROMACS topology of a molecule alone, as Interchange writes it, hydrogens with the protocol's mass.

    Raises
    ------
    InputError
        When the force field cannot take it.
    """
    from openff.interchange import Interchange
    from openff.units import unit

    off = openff_molecule(molecule, protocol)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="egi-") as folder:
        warnings.simplefilter("ignore")
        try:
            made: Any = Interchange.from_smirnoff(
                force_field(protocol.force_field), off.to_topology(), charge_from_molecules=[off]
            )
            made.positions = unit.Quantity(np.zeros((molecule.n_atoms, 3)), unit.nanometer)
            made.box = np.eye(3) * 10 * unit.nanometer
            made.to_gromacs(str(Path(folder) / "solute"), hydrogen_mass=protocol.hydrogen_mass_amu)
        except Exception as error:
            raise refused(molecule, error) from error
        return sorted_pairs((Path(folder) / "solute.top").read_text(encoding="utf-8"))


def sorted_pairs(text: str) -> str:
    """A topology whose 1-4 pairs are in order: Interchange has another one each time, and sums would differ."""
    lines = text.splitlines()
    if "[ pairs ]" not in lines:
        return text
    first = lines.index("[ pairs ]") + 1
    last = next((k for k in range(first, len(lines)) if lines[k].startswith("[")), len(lines))
    rows = [line for line in lines[first:last] if line.strip() and not line.lstrip().startswith(";")]
    rows = [f"{min(pair)} {max(pair)} 1" for pair in sorted(tuple(sorted(map(int, row.split()[:2]))) for row in rows)]
    return "\n".join([*lines[:first], *rows, "", *lines[last:], ""])


def system_topology(solute: str, system: SimulationSystem) -> str:
    """The topology of the whole box: the solute's text, water as SETTLE and ions with the System's own parameters."""
    residues = list(solvent(system))
    kinds = {residue.name: residue for residue in residues}
    made = [_molecule_type(system.system, kind) for kind in kinds.values()]
    types, molecules = [text for text, _ in made], [text for _, text in made]
    head, rest = solute.split(ATOM_TYPES_END, 1)
    body = rest.split(SYSTEM, 1)[0]
    counts = [f"{name} {len(list(group))}" for name, group in groupby(residue.name for residue in residues)]
    parts = [
        head.rstrip(), *types, "", ATOM_TYPES_END + body.rstrip(), "", *molecules,
        SYSTEM, "solute in water", "", "[ molecules ]", f"{SOLUTE} 1", *counts, "",
    ]  # fmt: skip
    return "\n".join(parts)


def solvent(system: SimulationSystem) -> Iterator[Residue]:
    """The residues behind the solute, in their order."""
    for residue in system.topology.residues():
        atoms = list(residue.atoms())
        if atoms[0].index >= system.n_solute:
            numbers = tuple(atom.element.atomic_number for atom in atoms)
            yield Residue(residue.name, tuple(atom.name for atom in atoms), numbers, atoms[0].index)


def _molecule_type(system: Any, residue: Residue) -> tuple[str, str]:
    """Lines of [ atomtypes ], and the sections of a molecule type, of one residue of the System."""
    import openmm

    nonbonded = next(force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    types, atoms = [], []
    for k, name in enumerate(residue.atoms):
        charge, sigma, epsilon = (v._value for v in nonbonded.getParticleParameters(residue.first + k))
        mass = system.getParticleMass(residue.first + k)._value
        kind = f"{residue.name}_{name}"
        types.append(f"{kind} {residue.numbers[k]} {mass:.9g} 0.0 A {sigma if epsilon else 0.0:.12g} {epsilon:.12g}")
        atoms.append(f"{k + 1} {kind} 1 {residue.name} {name} 1 {charge:.12g} {mass:.9g}")
    text = f"[ moleculetype ]\n{residue.name} 2\n[ atoms ]\n" + "\n".join(atoms) + "\n"
    if len(residue.atoms) == 3:
        oh, hh = rigid_water(system, residue.first)
        text += f"[ settles ]\n1 1 {oh:.12g} {hh:.12g}\n[ exclusions ]\n1 2 3\n2 1 3\n3 1 2\n"
    return "\n".join(types), text


def rigid_water(system: Any, first: int) -> tuple[float, float]:
    """Constrained distances O-H and H-H of the water whose oxygen is particle `first`, nm."""
    found: dict[tuple[int, int], float] = {}
    for k in range(system.getNumConstraints()):
        i, j, distance = system.getConstraintParameters(k)
        if first <= min(i, j) and max(i, j) < first + 3:
            found[min(i, j) - first, max(i, j) - first] = distance._value
            if len(found) == 3:
                break
    return found[0, 1], found[1, 2]


def solute_names(solute: str) -> list[str]:
    """Atom names of the solute in its topology."""
    section = solute.split("[ atoms ]", 1)[1].split("[", 1)[0]
    rows = [line.split() for line in section.splitlines() if line.strip() and not line.lstrip().startswith(";")]
    return [row[4] for row in rows]


def write_box(folder: Path, solute: str, system: SimulationSystem) -> None:
    """Write `topol.top`, `start.gro` (to 1e-5 nm) and `index.ndx` into `folder`."""
    (folder / "topol.top").write_text(system_topology(solute, system), encoding="utf-8")
    names = [(1, SOLUTE, name) for name in solute_names(solute)]
    for number, residue in enumerate(solvent(system), 2):
        names += [(number, residue.name, name) for name in residue.atoms]
    (folder / "start.gro").write_text(gro(names, system), encoding="utf-8")
    groups = {"System": range(1, len(names) + 1), GROUP: range(1, system.n_solute + 1)}
    lines = [f"[ {key} ]\n" + "\n".join(map(str, value)) + "\n" for key, value in groups.items()]
    (folder / "index.ndx").write_text("".join(lines), encoding="utf-8")


def gro(names: list[tuple[int, str, str]], system: SimulationSystem) -> str:
    """A gro file of the System's positions: `names` are residue number, residue and atom name of each atom."""
    lines = ["solute in water", f"{len(names):5d}"]
    for k, ((number, residue, atom), (x, y, z)) in enumerate(zip(names, system.positions * 0.1, strict=True), 1):
        head = f"{number % 100000:5d}{residue[:NAME_LENGTH]:<5s}{atom[:NAME_LENGTH]:>5s}{k % 100000:5d}"
        lines.append(f"{head}{x:10.5f}{y:10.5f}{z:10.5f}")
    box = np.array([vector._value for vector in system.system.getDefaultPeriodicBoxVectors()])
    order = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    lines.append(" ".join(f"{box[i, j]:.6f}" for i, j in order))
    return "\n".join(lines) + "\n"
