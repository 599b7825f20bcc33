"""Energy minimisation of single conformers: MMFF94s (RDKit), Sage in OBC2 (OpenMM), GFN2-xTB (tblite)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError
from eginterpolator.simulation.protocol import ImplicitProtocol

METHODS = {
    "mmff": "MMFF94s in vacuum (RDKit)",
    "sage": "OpenFF Sage 2.2.1 with NAGL charges in OBC2 (OpenMM)",
    "xtb": "GFN2-xTB in vacuum (tblite)",
}
Refiner = Callable[[np.ndarray], tuple[np.ndarray, float]]
"""Positions [n_atoms, 3] Å to those of the nearest minimum and its energy in kcal/mol."""

KCAL_PER_HARTREE = 627.5094740631
BOHR_ANGSTROM = 0.529177210903
MMFF_STEPS = 2000
SAGE_TOLERANCE = 0.5
"""Root mean square force at which the minimiser stops, kJ/mol/nm."""
XTB_STEPS = 500
XTB_GRADIENT = 2e-4
"""Largest gradient component of a minimum, hartree/bohr; xtb's own 'normal' level stops at a norm of 1e-3."""


class RefinementError(EGIError):
    """A conformer could not be minimised."""


def require_method(method: str) -> None:
    """InputError when a method is unknown or what it needs is not installed."""
    if method not in METHODS:
        raise InputError(f"'{method}' is not a method of refinement; use one of {', '.join(METHODS)}.")
    if method == "sage":
        from eginterpolator.simulation.forcefield import require_openmm

        require_openmm()
    if method == "xtb":
        try:
            import tblite.interface  # noqa: F401
        except ImportError as error:
            raise InputError(
                "GFN2-xTB needs tblite; install it with: pip install 'eginterpolator[xtb]', or choose mmff or sage."
            ) from error


def refiner(method: str, molecule: Molecule) -> Refiner:
    """What minimises conformers of `molecule` with `method`, one of `METHODS`.

    Raises
    ------
    InputError
        When the method does not know the molecule, or is not installed. What it returns raises RefinementError.
    """
    require_method(method)
    return {"mmff": _mmff, "sage": _sage, "xtb": _xtb}[method](molecule)


def _mmff(molecule: Molecule) -> Refiner:
    from rdkit import Chem
    from rdkit.Chem import rdForceFieldHelpers as helpers

    mol = Chem.Mol(molecule.rdmol)
    properties = helpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94s")
    if properties is None:
        raise InputError(f"MMFF94s has no parameters for {molecule.smiles}; use sage or xtb.")

    def refine(positions: np.ndarray) -> tuple[np.ndarray, float]:
        mol.RemoveAllConformers()
        conformer = Chem.Conformer(molecule.n_atoms)
        conformer.SetPositions(np.asarray(positions, dtype=np.float64))
        mol.AddConformer(conformer)
        field = helpers.MMFFGetMoleculeForceField(mol, properties)
        field.Initialize()
        try:
            unfinished = field.Minimize(maxIts=MMFF_STEPS)
        except RuntimeError as error:
            raise RefinementError("MMFF94s cannot minimise it") from error
        if unfinished:
            raise RefinementError(f"MMFF94s finds no minimum in {MMFF_STEPS} steps")
        return mol.GetConformer().GetPositions(), float(field.CalcEnergy())

    return refine


def _sage(molecule: Molecule) -> Refiner:
    import openmm

    from eginterpolator.simulation.engines.openmm import choose_platform, make_context
    from eginterpolator.simulation.forcefield import build_system

    protocol = ImplicitProtocol()
    system = build_system(molecule, np.zeros((molecule.n_atoms, 3)), protocol)
    context, _ = make_context(system, protocol, 0, choose_platform("auto", molecule.n_atoms), 1)

    def refine(positions: np.ndarray) -> tuple[np.ndarray, float]:
        try:
            context.setPositions(positions * 0.1)
            openmm.LocalEnergyMinimizer.minimize(context, SAGE_TOLERANCE, 0)
            state = context.getState(getPositions=True, getEnergy=True)
        except openmm.OpenMMException as error:
            raise RefinementError(f"Sage cannot minimise it ({str(error).splitlines()[0]})") from error
        return state.getPositions(asNumpy=True)._value * 10.0, state.getPotentialEnergy()._value / 4.184

    return refine


def _xtb(molecule: Molecule) -> Refiner:
    from rdkit.Chem import Descriptors
    from scipy.optimize import minimize
    from tblite.interface import Calculator

    charge = float(sum(atom.GetFormalCharge() for atom in molecule.rdmol.GetAtoms()))
    unpaired = int(Descriptors.NumRadicalElectrons(molecule.rdmol))  # type: ignore[attr-defined]
    numbers = molecule.atomic_numbers

    def refine(positions: np.ndarray) -> tuple[np.ndarray, float]:
        start = np.asarray(positions, dtype=np.float64) / BOHR_ANGSTROM
        last: Any = None
        try:
            calculator = Calculator("GFN2-xTB", numbers, start, charge, unpaired)
            calculator.set("verbosity", 0)

            def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
                nonlocal last
                calculator.update(positions=flat.reshape(-1, 3))
                last = calculator.singlepoint(last)  # its orbitals are where the next one starts
                return float(last.get("energy")), np.asarray(last.get("gradient")).ravel()

            options = {"maxiter": XTB_STEPS, "gtol": XTB_GRADIENT, "ftol": 1e-12}
            found = minimize(energy, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        except RuntimeError as error:
            raise RefinementError(f"GFN2-xTB stopped ({' '.join(str(error).split())})") from error
        if not found.success:
            raise RefinementError(f"GFN2-xTB finds no minimum in {XTB_STEPS} steps")
        return found.x.reshape(-1, 3) * BOHR_ANGSTROM, float(found.fun) * KCAL_PER_HARTREE

    return refine
