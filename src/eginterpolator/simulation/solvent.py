"""Explicit solvent: TIP3P water and neutralising ions around a solute, with OpenMM's Modeller."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.parameters import SimulationSystem, openff_molecule, refused
from eginterpolator.simulation.protocol import ExplicitProtocol

MAX_BOX_ATOMS = 100_000
ATOMS_A_NM3 = 100.0


def explicit_system(
    molecule: Molecule, positions: np.ndarray, protocol: ExplicitProtocol, seed: int = 0
) -> SimulationSystem:
    """Solvate `molecule` at `positions` [n_atoms, 3] Å and parametrise the box.

    The box is that of `box_vectors`; the solute comes first among the atoms; ions make it neutral (`seed` chooses the
    waters they replace). The barostat is in the system from the start; the
    runner switches it off for NVT.

    Raises
    ------
    InputError
        When the force field cannot take the molecule, or the box would be absurdly large.
    """
    import openmm
    from openmm import app, unit

    vectors = box_vectors(positions, protocol)
    off = openff_molecule(molecule, protocol)
    random_state = random.getstate()  # Modeller places ions with Python's global generator
    random.seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            field = _field(off, protocol)
            modeller = app.Modeller(off.to_topology().to_openmm(), positions * 0.1 * unit.nanometer)
            modeller.addSolvent(field, model="tip3p", boxVectors=_quantity(vectors), neutralize=True)
            system = field.createSystem(
                modeller.topology,
                nonbondedMethod=app.PME,
                nonbondedCutoff=protocol.cutoff_nm * unit.nanometer,
                switchDistance=protocol.switch_nm * unit.nanometer,
                constraints=app.HBonds,
                rigidWater=True,
                hydrogenMass=protocol.hydrogen_mass_amu * unit.amu,
            )
        except Exception as error:
            raise refused(molecule, error) from error
        finally:
            random.setstate(random_state)
    system.addForce(
        openmm.MonteCarloBarostat(
            protocol.pressure_bar * unit.bar,
            protocol.temperature_K * unit.kelvin,
            int(protocol.barostat_steps),
        )
    )
    solvated = np.array(modeller.positions.value_in_unit(unit.angstrom))
    return SimulationSystem(system, modeller.topology, solvated, molecule.n_atoms)


def box_vectors(positions: np.ndarray, protocol: ExplicitProtocol) -> np.ndarray:
    """Vectors [3, 3] in nm, one a row, of the box around a solute at `positions` [n_atoms, 3] Å.

    The shortest distance between a point and its image is the solute's bounding sphere and the padding, and at least
    the protocol's `image_nm`: for the cubic box as OpenMM's Modeller takes a padding.

    Raises
    ------
    InputError
        When the box would be absurdly large.
    """
    centre = (positions.min(axis=0) + positions.max(axis=0)) / 2
    sphere_nm = 0.2 * float(np.linalg.norm(positions - centre, axis=1).max())
    width = max(sphere_nm + protocol.padding_nm, protocol.image_nm)
    shape = np.eye(3)
    if protocol.box == "dodecahedron":
        shape[2] = 0.5, 0.5, math.sqrt(0.5)
    vectors = width * shape
    if np.linalg.det(vectors) * ATOMS_A_NM3 > MAX_BOX_ATOMS:
        raise InputError(
            f"padding_nm = {protocol.padding_nm:g} makes a box of {width:.1f} nm, over {MAX_BOX_ATOMS:,} "
            "atoms; give less padding (the protocol's own is 1.5)."
        )
    return np.asarray(vectors)


def _quantity(vectors: np.ndarray) -> Any:
    import openmm
    from openmm import unit

    return [openmm.Vec3(*map(float, vector)) for vector in vectors] * unit.nanometer


def _field(off: Any, protocol: ExplicitProtocol) -> Any:
    """OpenMM ForceField of TIP3P, its ions, and a template of the solute made by OpenFF."""
    from openmm import app
    from openmmforcefields.generators import SMIRNOFFTemplateGenerator

    name = protocol.force_field.removesuffix(".offxml")
    generator = SMIRNOFFTemplateGenerator(molecules=[off], forcefield=name)
    field = app.ForceField("amber/tip3p_standard.xml")
    field.registerTemplateGenerator(generator.generator)
    return field
