"""Molecule to OpenMM: Sage parameters and NAGL AM1-BCC charges, in implicit or explicit solvent."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from typing import Any

import numpy as np
from rdkit import Chem, RDLogger

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError, shortened
from eginterpolator.simulation.protocol import Protocol

ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
"""What Sage has parameters for and NAGL charges."""
NAGL, GASTEIGER, GIVEN = "nagl", "gasteiger", "given"
CHARGES = {NAGL: Protocol.charge_model, GASTEIGER: GASTEIGER, GIVEN: GIVEN}
"""Short names of charges, and what `Protocol.charge_model` calls them; any model of NAGL has its file name besides."""
CHARGE_PROPERTY = "PartialCharge"
CHARGE_TOLERANCE = 0.01
HYDROGEN_BONDS = "[#1:1]-[*:2]"
"""Pattern of the constraints that Sage has and its unconstrained versions lack."""
MODULES = ("openmm", "openff.toolkit", "openff.interchange", "openff.nagl", "openff.nagl_models")
MD_HINT = "Simulation needs OpenMM and OpenFF; install them with: pip install 'eginterpolator[md]'"


@dataclass(frozen=True)
class SimulationSystem:
    """A parametrised system; the solute's atoms come first, in the order of the Molecule.

    Attributes
    ----------
    system, topology : openmm.System, openmm.app.Topology
    positions : numpy.ndarray
        float64 [n_particles, 3] in Å; solvent included.
    n_solute : int
    """

    system: Any
    topology: Any
    positions: np.ndarray
    n_solute: int


def openmm_is_here() -> bool:
    """Whether the `[md]` packages are installed; none of them is loaded."""
    try:
        return all(find_spec(module) for module in MODULES)
    except ModuleNotFoundError:  # of a package around one of them
        return False


def load_openmm() -> None:
    """Begin to load the `[md]` packages in a thread: seconds of Python, in which compiled code can go on."""

    def load() -> None:
        with contextlib.suppress(InputError):  # who needs them says so
            require_openmm()

    Thread(target=load, daemon=True).start()


def require_openmm() -> None:
    """Raise InputError with the command that helps when the `[md]` packages are missing."""
    logging.getLogger("pint").setLevel(logging.ERROR)  # it says that openff-units defines a unit again
    try:
        for module in MODULES:
            import_module(module)
    except ImportError as error:
        raise InputError(f"{MD_HINT} (missing: {error.name or error}).") from error


@cache
def force_field(*files: str) -> Any:
    """The OpenFF force field of these files.

    Raises
    ------
    InputError
        When one is not installed.
    """
    from openff.toolkit import ForceField
    from openff.toolkit.typing.engines.smirnoff import get_available_force_fields

    known = get_available_force_fields()
    for name in files:
        if name not in known:
            some = sorted(match.group(1) for each in known if (match := re.fullmatch(r"(openff-[\d.]+)\.offxml", each)))
            wanted = name.removesuffix(".offxml")
            raise InputError(f"There is no force field '{wanted}'; choose one of {', '.join(some)}.")
    return ForceField(*files)


def require_parameters(protocol: Protocol) -> None:
    """InputError when the protocol's force field or charges are not to be had here, or bonds to hydrogen are free.

    The time step is too long for those.
    """
    found = force_field(protocol.force_field)
    handlers = found.registered_parameter_handlers
    constrained = found["Constraints"].parameters if "Constraints" in handlers else ()
    if HYDROGEN_BONDS not in [parameter.smirks for parameter in constrained]:
        raise InputError(
            f"The force field '{protocol.force_field}' has no constraints for bonds to hydrogen; choose one that has."
        )
    if protocol.charge_model not in (GASTEIGER, GIVEN):
        _charge_file(protocol.charge_model)


def _charge_file(name: str) -> str:
    from openff.nagl_models import list_available_nagl_models

    known = {path.name: str(path) for path in list_available_nagl_models()}
    if name not in known:
        raise InputError(
            f"The charge model '{name}' is not installed; the protocol's own is {CHARGES[NAGL]}. Charges may also be "
            f"'{GIVEN}' or '{GASTEIGER}'."
        )
    return known[name]


@cache
def _charge_model(name: str) -> Any:
    from openff.nagl import GNNModel

    class Charges(GNNModel):
        """The network without a deep copy of its table of 13,000 molecules, which nothing reads."""

        def save_hyperparameters(self, *args: Any, **options: Any) -> None:
            pass

    return Charges.load(_charge_file(name), eval_mode=True)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch, which the charge network has loaded, computes in one thread."""
    torch: Any = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def require_elements(molecule: Molecule) -> None:
    """Raise InputError naming the elements for which the force field has no parameters."""
    table = Chem.GetPeriodicTable()
    missing = sorted({table.GetElementSymbol(int(z)) for z in molecule.atomic_numbers} - set(ELEMENTS))
    if missing:
        raise InputError(
            f"The force field has no parameters for {' and '.join(missing)} in {shortened(molecule.smiles)}; it takes "
            f"molecules of {', '.join(ELEMENTS[:-1])} and {ELEMENTS[-1]}."
        )


def openff_molecule(molecule: Molecule, protocol: Protocol) -> Any:
    """OpenFF Molecule in the same atom order, with the protocol's partial charges.

    Those are of a graph network, Gasteiger's (for tests), or given ones, which atoms of the molecule bear as
    `PartialCharge` (`atom.dprop.PartialCharge` in SDF).

    Raises
    ------
    InputError
        When OpenFF or the charge network cannot take the molecule (an element they do not know), or charges that are
        to be given are missing or do not add up.
    """
    require_elements(molecule)
    from openff.toolkit import Molecule as OFFMolecule
    from openff.units import unit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = Chem.Mol(molecule.rdmol)
            for name in plain.GetPropNames():  # OpenFF takes an `atom_map` of ours for one of its own
                plain.ClearProp(name)
            result = OFFMolecule.from_rdkit(plain, allow_undefined_stereo=True, hydrogens_are_explicit=True)
            charges = _charges(molecule, result, protocol.charge_model)
        except EGIError:
            raise
        except Exception as error:
            raise refused(molecule, error) from error
        finally:
            RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # NAGL turns RDKit's lines on
    charges = np.asarray(charges, dtype=np.float64).reshape(-1)
    total = sum(atom.GetFormalCharge() for atom in molecule.rdmol.GetAtoms())
    charges += (total - charges.sum()) / len(charges)
    result.partial_charges = unit.Quantity(charges, unit.elementary_charge)
    numbers = [atom.atomic_number for atom in result.atoms]
    if numbers != molecule.atomic_numbers.tolist():
        raise EGIError(f"OpenFF reordered the atoms of {molecule.smiles}; this is a bug, please report it.")
    return result


def _charges(molecule: Molecule, off: Any, model: str) -> np.ndarray:
    """Charges of the atoms before they are made to add up."""
    if model == GIVEN:
        return _given_charges(molecule)
    if model == GASTEIGER:
        off.assign_partial_charges("gasteiger")
        return np.asarray(off.partial_charges.m)
    network = _charge_model(model)
    with _one_thread():  # graphs are so small that threads cost five times what they gain
        return np.asarray(network.compute_property(off, as_numpy=True))


def _given_charges(molecule: Molecule) -> np.ndarray:
    atoms = list(molecule.rdmol.GetAtoms())
    bare = [atom.GetIdx() for atom in atoms if not atom.HasProp(CHARGE_PROPERTY)]
    if bare:
        raise InputError(
            f"'{molecule.name}' has no partial charge on {len(bare)} of its {len(atoms)} atoms; give an SDF with all "
            f"hydrogens and the property atom.dprop.{CHARGE_PROPERTY}, or take the charges nagl."
        )
    charges = np.array([atom.GetDoubleProp(CHARGE_PROPERTY) for atom in atoms])
    total = sum(atom.GetFormalCharge() for atom in atoms)
    if not abs(charges.sum() - total) < CHARGE_TOLERANCE:
        raise InputError(
            f"The partial charges given for '{molecule.name}' add up to {charges.sum():.3f}, and its charge is {total}."
        )
    return charges


def refused(molecule: Molecule, error: Exception) -> InputError:
    """The InputError to raise when the force-field packages cannot take `molecule`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    return InputError(f"The force field cannot take {molecule.smiles}: {reason.rstrip('.')}.")
