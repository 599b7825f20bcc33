"""Minimisers: a refined structure is a minimum, and GFN2 is the published one."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.simulation.refine import refiner, require_method
from tests.builders.conformers import start_structure


@pytest.mark.parametrize("method", ["mmff", "sage", "xtb"])
def test_a_refined_structure_is_a_minimum(method: str) -> None:
    for package in {"mmff": (), "sage": ("openmm", "openff.toolkit"), "xtb": ("tblite",)}[method]:
        pytest.importorskip(package, reason=f"{package} is not installed; make test installs it")
    require_method(method)
    molecule = Molecule.from_smiles("C[C@H](O)C#N")
    refine = refiner(method, molecule)
    start = start_structure(molecule)
    minimum, energy = refine(start)
    again, same = refine(minimum)
    assert energy == pytest.approx(same, abs=0.02) and frame_stereo(molecule, minimum[None])[0]
    assert 0.01 < np.abs(minimum - start).max() < 2.0
    rng = np.random.default_rng(0)
    shaken = minimum + 0.1 * rng.normal(size=minimum.shape)
    back, energy_back = refine(shaken)
    assert energy_back == pytest.approx(energy, abs=0.05)
    lengths = np.linalg.norm(minimum[molecule.bonds[:, 0]] - minimum[molecule.bonds[:, 1]], axis=1)
    usual = {(0, 1): 1.53, (1, 3): 1.47, (3, 4): 1.16}
    for (a, b), length in usual.items():
        k = molecule.bonds.tolist().index([a, b])
        assert lengths[k] == pytest.approx(length, abs=0.04), (a, b)


def test_gfn2_energy_is_that_of_the_published_program() -> None:
    """xtb 6.x and tblite agree on GFN2-xTB to all printed digits; water's minimum is -5.07054 hartree."""
    pytest.importorskip("tblite")
    molecule = Molecule.from_smiles("O")
    positions, energy = refiner("xtb", molecule)(start_structure(molecule))
    assert energy / 627.5094740631 == pytest.approx(-5.07054, abs=2e-5)
    assert np.linalg.norm(positions[1] - positions[0]) == pytest.approx(0.959, abs=0.005)
