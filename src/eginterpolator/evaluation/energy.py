"""Energies of all-atom frames under a force field or GFN2-xTB, as they are and after a short minimisation.

The force field is that of the reference simulations, OpenFF Sage with OBC2 implicit solvent, but without its
constraints on bonds to hydrogen: a stretched one must cost energy here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import wasserstein

MINIMISATION_STEPS = 100
UNCONSTRAINED = "openff_unconstrained-2.2.1.offxml"
_HARTREE_KCAL = 627.5094740631
_BOHR_ANGSTROM = 0.529177210903
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Energies:
    """Energies of frames of one molecule.

    Attributes
    ----------
    as_they_are, minimised : float64 [T]
        Potential energy before and after at most 100 steps of L-BFGS, kcal/mol.
    moved : float64 [T]
        Root mean square distance that the minimisation moved the atoms, Å, superposition not removed.
    gfn2, gfn2_minimised : float64 [T] or None
        GFN2-xTB energy with ALPB water of the same two structures, kcal/mol; None where it was not asked for.
    """

    as_they_are: np.ndarray
    minimised: np.ndarray
    moved: np.ndarray
    gfn2: np.ndarray | None = None
    gfn2_minimised: np.ndarray | None = None


def spread_frames(trajectories: Sequence[np.ndarray], count: int) -> np.ndarray:
    """`count` frames spread evenly over several trajectories [T, N, 3] laid end to end: [<= count, N, 3]."""
    joint = np.concatenate(list(trajectories))
    return joint[np.unique(np.linspace(0, len(joint) - 1, count).round().astype(int))]


class ForceField:
    """Sage with OBC2 for one molecule; needs the extra `md`.

    Raises
    ------
    InputError
        When the packages are missing or the force field lacks a parameter.
    """

    def __init__(self, molecule: Molecule, xtb: bool = False) -> None:
        from eginterpolator.simulation.forcefield import build_system, require_openmm

        require_openmm()
        if xtb:
            require_xtb()
        import openmm

        from eginterpolator.simulation.protocol import ImplicitProtocol

        protocol = replace(ImplicitProtocol(), force_field=UNCONSTRAINED)
        built = build_system(molecule, np.zeros((molecule.n_atoms, 3)), protocol)
        self.molecule, self.xtb = molecule, xtb
        self._context = openmm.Context(
            built.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
        )

    def energies(self, positions: np.ndarray) -> Energies:
        """Energies of all-atom frames [T, n_atoms, 3], Å.

        Raises
        ------
        InputError
            When hydrogens are missing.
        """
        if positions.shape[1] != self.molecule.n_atoms:
            raise InputError(
                f"Energies of '{self.molecule.name}' need all {self.molecule.n_atoms} atoms, and its frames have "
                f"{positions.shape[1]}; generate with hydrogens."
            )
        import openmm
        from openmm import unit

        before, after, structures = [], [], []
        for frame in positions.astype(np.float64):
            self._context.setPositions(frame / 10)
            before.append(self._energy())
            openmm.LocalEnergyMinimizer.minimize(self._context, 1.0, MINIMISATION_STEPS)
            after.append(self._energy())
            state = self._context.getState(positions=True)
            structures.append(state.getPositions(asNumpy=True).value_in_unit(unit.angstrom))
        relaxed = np.array(structures).reshape(positions.shape)
        moved = np.sqrt(((relaxed - positions) ** 2).sum(axis=2).mean(axis=1))
        xtb = [gfn2_energies(self.molecule, x) for x in (positions, relaxed)] if self.xtb else [None, None]
        return Energies(np.array(before), np.array(after), moved, *xtb)

    def _energy(self) -> float:
        from openmm import unit

        energy = self._context.getState(energy=True).getPotentialEnergy()
        return float(energy.value_in_unit(unit.kilocalorie_per_mole))


def require_xtb() -> None:
    """Raise InputError with the command that helps when tblite is missing."""
    try:
        import tblite.interface  # noqa: F401
    except ImportError as error:
        raise InputError("GFN2-xTB energies need tblite; run 'pip install tblite'.") from error


def gfn2_energies(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """GFN2-xTB energies in ALPB water of all-atom frames [T, n_atoms, 3] (Å), by tblite: float64 [T], kcal/mol.

    nan where the self-consistent cycle does not converge.

    Raises
    ------
    InputError
        When tblite is missing.
    """
    require_xtb()
    from tblite.interface import Calculator

    charge = sum(atom.GetFormalCharge() for atom in molecule.rdmol.GetAtoms())
    result = np.full(len(positions), np.nan)
    for k, frame in enumerate(positions.astype(np.float64)):
        calculator = Calculator("GFN2-xTB", molecule.atomic_numbers, frame / _BOHR_ANGSTROM, charge=charge)
        calculator.set("verbosity", 0)
        calculator.add("alpb-solvation", "water")
        try:
            result[k] = calculator.singlepoint().get("energy") * _HARTREE_KCAL
        except RuntimeError:
            continue
    return result


def compare_energies(generated: Energies, reference: Energies) -> dict[str, Any]:
    """Both distributions beside each other, as JSON-able values, in kcal/mol above the lowest minimised reference.

    For each energy (`as_they_are`, `minimised`, `gfn2`, `gfn2_minimised`) and for `moved` (Å): 5, 25, 50, 75 and
    95 % quantiles of `generated` and `reference`, and their Wasserstein-1 distance; `frames` of each. Energies that
    are not finite are counted in `failed` and left out.
    """
    result: dict[str, Any] = {
        "frames": {"generated": len(generated.moved), "reference": len(reference.moved)},
        "quantiles": list(_QUANTILES),
    }
    zeros = {"as_they_are": "minimised", "minimised": "minimised", "gfn2": "gfn2_minimised", "moved": ""}
    zeros["gfn2_minimised"] = "gfn2_minimised"
    for name, lowest in zeros.items():
        ours, theirs = getattr(generated, name), getattr(reference, name)
        if ours is None or theirs is None:
            continue
        zero = float(np.nanmin(getattr(reference, lowest))) if lowest else 0.0
        known = [x[np.isfinite(x)] - zero for x in (ours, theirs)]
        if not all(len(x) for x in known):
            result[name] = None
            continue
        result[name] = {
            "generated": np.quantile(known[0], _QUANTILES).tolist(),
            "reference": np.quantile(known[1], _QUANTILES).tolist(),
            "wasserstein": wasserstein(*known),
            "failed": {"generated": len(ours) - len(known[0]), "reference": len(theirs) - len(known[1])},
        }
    return result
