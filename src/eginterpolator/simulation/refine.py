"""Energy minimisation of conformers: MMFF94s (RDKit), Sage (lanes, or OpenMM), GFN2-xTB (tblite).

`refiner` takes one conformer after another, `relaxer` many at once: Sage's go down side by side in lanes where these
can run the molecule. Both mean the same surface: with Sage that of `egi simulate`, bonds with hydrogen constrained.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError
from eginterpolator.simulation.protocol import ImplicitProtocol, OpenProtocol, VacuumProtocol

METHODS = {
    "mmff": "MMFF94s in vacuum (RDKit)",
    "sage": "OpenFF Sage 2.2.1 with NAGL charges in OBC2 (OpenMM)",
    "xtb": "GFN2-xTB in vacuum (tblite)",
}
WATER, VACUUM = "water", "vacuum"
ALPB = (
    WATER, "acetone", "acetonitrile", "benzene", "ch2cl2", "chcl3", "dmf", "dmso", "ethanol", "ether", "ethylacetate",
    "hexane", "methanol", "octanol", "thf", "toluene",
)  # fmt: skip
"""Solvents of GFN2-xTB's ALPB model (Ehlert et al. 2021), by tblite's names."""
SOLVENTS: dict[str, tuple[str, ...]] = {"mmff": (VACUUM,), "sage": (WATER, VACUUM), "xtb": (VACUUM, *ALPB)}
"""What each method can be in; its own first."""
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


@dataclass(frozen=True)
class Relaxed:
    """What became of K structures.

    Attributes
    ----------
    positions : float64 [K, n_atoms, 3]
        Å.
    energies_kcal : float64 [K]
        nan of those that were not minimised.
    reasons : list of str
        Why not; '' of the others.
    """

    positions: np.ndarray
    energies_kcal: np.ndarray
    reasons: list[str]


Relaxer = Callable[[np.ndarray], Relaxed]


def solvent_of(method: str, solvent: str | None) -> str:
    """The solvent that a method is in, by default its own.

    Raises
    ------
    InputError
        When the method cannot be in that solvent.
    """
    known = SOLVENTS[method]
    if solvent is None:
        return known[0]
    if solvent not in known:
        name = METHODS[method].split(" in ")[0]
        raise InputError(f"{name} cannot be in '{solvent}'; choose {' or '.join(known)} for --relax-in.")
    return solvent


def described(method: str, solvent: str | None = None) -> str:
    """A method and its solvent in words: 'GFN2-xTB in ALPB thf'."""
    medium = solvent_of(method, solvent)
    model = {"sage": "OBC2 water", "xtb": f"ALPB {medium}"}.get(method, medium)
    return f"{METHODS[method].split(' in ')[0]} in {medium if medium == VACUUM else model}"


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


def refiner(method: str, molecule: Molecule, solvent: str | None = None) -> Refiner:
    """What minimises conformers of `molecule` with `method`, one of `METHODS`, in one of its `SOLVENTS`.

    Raises
    ------
    InputError
        When the method does not know the molecule, or is not installed. What it returns raises RefinementError.
    """
    require_method(method)
    medium = solvent_of(method, solvent)
    return _mmff(molecule) if method == "mmff" else {"sage": _sage, "xtb": _xtb}[method](molecule, medium)


def relaxer(
    method: str,
    molecule: Molecule,
    solvent: str | None = None,
    threads: int | None = None,
    *,
    through_mmff: bool = True,
) -> Relaxer:
    """What minimises many conformers [K, n_atoms, 3] of `molecule` at once; as `refiner` each.

    GFN2-xTB begins at MMFF94s' minima where MMFF94s knows the molecule, which is quicker and passes by minima that
    MMFF94s lacks; without `through_mmff` it begins at the conformers. No result depends on `threads`.

    Raises
    ------
    InputError
        As `refiner`.
    """
    require_method(method)
    medium, workers = solvent_of(method, solvent), threads or len(os.sched_getaffinity(0))
    if method == "sage" and (lanes := _lanes(molecule, medium, workers)) is not None:
        return lanes
    refine = refiner(method, molecule, medium)
    first = _mmff(molecule) if method == "xtb" and through_mmff and _mmff_knows(molecule) else None

    def one(positions: np.ndarray) -> tuple[np.ndarray, float, str]:
        try:
            return *refine(positions if first is None else first(positions)[0]), ""
        except RefinementError as error:
            return positions, float("nan"), str(error)

    def relax(positions: np.ndarray) -> Relaxed:
        if method == "xtb" and workers > 1:  # tblite works outside of the interpreter's lock
            with ThreadPoolExecutor(workers) as pool:
                made = list(pool.map(one, positions))
        else:
            made = [one(x) for x in positions]
        found, energies, reasons = zip(*made, strict=True) if made else ((), (), ())
        return Relaxed(
            np.reshape(found, (-1, molecule.n_atoms, 3)), np.array(energies, dtype=np.float64), list(reasons)
        )

    return relax


def _lanes(molecule: Molecule, medium: str, threads: int) -> Relaxer | None:
    """Sage in lanes; None where they cannot run the molecule, or are not here."""
    from eginterpolator.simulation.engines.base import Unsupported
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.minimise import minimise
    from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
    from eginterpolator.simulation.engines.lanes.replicas import KCAL, LANES

    protocol = open_protocol(medium)
    if not widths() or LANES.objection(molecule, protocol):
        return None
    try:
        system = molecule_lanes(molecule, protocol)
    except Unsupported:
        return None

    def relax(positions: np.ndarray) -> Relaxed:
        made = minimise(system, positions, threads)
        reasons = ["" if still else "Sage finds no minimum" for still in made.still]
        energies = np.where(made.still, made.potential_kj / KCAL, np.nan)
        return Relaxed(made.positions.astype(np.float64), energies, reasons)

    return relax


def open_protocol(medium: str | None) -> OpenProtocol:
    """How Sage is simulated in a solvent, `WATER` (by default) or `VACUUM`."""
    return VacuumProtocol() if medium == VACUUM else ImplicitProtocol()


def _mmff_knows(molecule: Molecule) -> bool:
    from rdkit.Chem import rdForceFieldHelpers

    return bool(rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule.rdmol))


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


def _sage(molecule: Molecule, medium: str) -> Refiner:
    import openmm

    from eginterpolator.simulation.engines.openmm import choose_platform, make_context
    from eginterpolator.simulation.forcefield import build_system

    protocol = open_protocol(medium)
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


def _xtb(molecule: Molecule, medium: str) -> Refiner:
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
            if medium != VACUUM:
                calculator.add("alpb-solvation", medium)

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
