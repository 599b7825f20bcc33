"""Molecule to OpenMM: Sage parameters and NAGL AM1-BCC charges, in implicit or explicit solvent."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from rdkit import Chem, RDLogger

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError, shortened
from eginterpolator.simulation.protocol import Protocol

ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
"""What Sage has parameters for and NAGL charges."""
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


def require_openmm() -> None:
    """Raise InputError with the command that helps when the `[md]` packages are missing."""
    logging.getLogger("pint").setLevel(logging.ERROR)  # it says that openff-units defines a unit again
    try:
        for module in ("openmm", "openff.toolkit", "openff.interchange", "openff.nagl", "openff.nagl_models"):
            import_module(module)
    except ImportError as error:
        raise InputError(f"{MD_HINT} (missing: {error.name or error}).") from error


@cache
def force_field(*files: str) -> Any:
    from openff.toolkit import ForceField

    return ForceField(*files)


@cache
def _charge_model(name: str) -> Any:
    from openff.nagl import GNNModel
    from openff.nagl_models import list_available_nagl_models

    found = [path for path in list_available_nagl_models() if path.name == name]
    if not found:
        raise InputError(
            f"The charge model '{name}' is not installed; the protocol's own is openff-gnn-am1bcc-1.0.0.pt."
        )

    class Charges(GNNModel):
        """The network without a deep copy of its table of 13,000 molecules, which nothing reads."""

        def save_hyperparameters(self, *args: Any, **options: Any) -> None:
            pass

    return Charges.load(str(found[0]), eval_mode=True)


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
    """OpenFF Molecule in the same atom order, with partial charges from the graph network.

    Raises
    ------
    InputError
        When OpenFF or the charge network cannot take the molecule (an element they do not know).
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
            model = _charge_model(protocol.charge_model)
            with _one_thread():  # graphs are so small that threads cost five times what they gain
                charges = model.compute_property(result, as_numpy=True)
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


def refused(molecule: Molecule, error: Exception) -> InputError:
    """The InputError to raise when the force-field packages cannot take `molecule`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    return InputError(f"The force field cannot take {molecule.smiles}: {reason.rstrip('.')}.")
