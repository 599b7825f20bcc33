"""Molecule to OpenMM: Sage parameters and NAGL AM1-BCC charges, in implicit or explicit solvent."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.parameters import (
    MD_HINT,
    SimulationSystem,
    force_field,
    openff_molecule,
    refused,
    require_openmm,
)
from eginterpolator.simulation.protocol import PROTOCOLS, ExplicitProtocol, ImplicitProtocol, OpenProtocol, Protocol
from eginterpolator.simulation.solvent import explicit_system

__all__ = ["MD_HINT", "SimulationSystem", "build_system", "openff_molecule", "require_openmm"]

_Cached = type(force_field)
_force_field = force_field  # its name until it moved to `parameters`; scripts of others import it from here


def build_system(molecule: Molecule, positions: np.ndarray, protocol: Protocol, seed: int = 0) -> SimulationSystem:
    """Parametrise `molecule` at `positions` [n_atoms, 3] Å; explicit solvent is built around them.

    Raises
    ------
    InputError
        When the `[md]` packages are missing or the force field lacks a parameter.
    """
    require_openmm()
    if isinstance(protocol, OpenProtocol):
        return _open_system(molecule, positions, protocol)
    if isinstance(protocol, ExplicitProtocol):
        return explicit_system(molecule, positions, protocol, seed)
    raise InputError(f"A simulation takes one of the protocols {', '.join(PROTOCOLS)}.")


def _open_system(molecule: Molecule, positions: np.ndarray, protocol: OpenProtocol) -> SimulationSystem:
    import openmm
    from openmm.app.internal.customgbforces import GBSAOBC2Force

    off = openff_molecule(molecule, protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            interchange = _interchange(force_field(protocol.force_field), off)
            system = interchange.to_openmm(True, hydrogen_mass=protocol.hydrogen_mass_amu)
            topology = interchange.to_openmm_topology()
        except Exception as error:
            raise refused(molecule, error) from error
    nonbonded = next(force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    nonbonded.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    if isinstance(protocol, ImplicitProtocol):
        system.addForce(_obc2(protocol, nonbonded, GBSAOBC2Force.getStandardParameters(topology)))
    return SimulationSystem(system, topology, np.asarray(positions, dtype=np.float64), molecule.n_atoms)


def _interchange(field: Any, off: Any) -> Any:
    """`Interchange.from_smirnoff`, but for its walk over every object of the process in search of caches.

    That walk was two thirds of the time of a molecule; the caches are attributes of Interchange's modules.
    """
    from openff.interchange import Interchange

    try:
        from openff.interchange.smirnoff._create import _create_interchange as create
    except ImportError:  # of another version
        return Interchange.from_smirnoff(field, off.to_topology(), charge_from_molecules=[off])
    clear_caches()
    return create(field, off.to_topology(), molecules_with_preset_charges=[off])


def clear_caches() -> None:
    """Forget what functions of Interchange remember: one of them keeps every sum of two charges that it has seen."""
    for name, module in list(sys.modules.items()):
        if name.startswith("openff.interchange"):
            for value in list(vars(module).values()):
                if isinstance(value, _Cached):
                    value.cache_clear()


def _obc2(protocol: ImplicitProtocol, nonbonded: Any, radii: Any) -> Any:
    """GBSAOBCForce of the charges in `nonbonded`, with radii (nm) and scales of each atom."""
    import openmm

    solvent = openmm.GBSAOBCForce()
    solvent.setNonbondedMethod(openmm.GBSAOBCForce.NoCutoff)
    solvent.setSolventDielectric(protocol.solvent_dielectric)
    solvent.setSoluteDielectric(protocol.solute_dielectric)
    for index, (radius, scale) in enumerate(radii):
        solvent.addParticle(nonbonded.getParticleParameters(index)[0], radius, scale)
    return solvent
