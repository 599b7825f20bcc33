"""Minimisers: a refined structure is a minimum, and GFN2 is the published one."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError
from eginterpolator.simulation.refine import described, open_protocol, refiner, relaxer, require_method, solvent_of
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


PACKAGES = {"mmff": (), "sage": ("openmm", "openff.toolkit"), "xtb": ("tblite",)}


@pytest.mark.parametrize(("method", "solvent"), [("mmff", None), ("sage", "vacuum"), ("xtb", None), ("xtb", "water")])
def test_many_at_once_are_those_one_after_another(method: str, solvent: str | None) -> None:
    for package in PACKAGES[method]:
        pytest.importorskip(package, reason=f"{package} is not installed; make test installs it")
    molecule = Molecule.from_smiles("OCC=O")
    start = start_structure(molecule)
    random = np.random.default_rng(1)
    starts = start + 0.03 * random.normal(size=(2, *start.shape))
    found = relaxer(method, molecule, solvent, threads=2)(starts)
    assert found.reasons == ["", ""] and found.positions.shape == starts.shape
    refine, first = refiner(method, molecule, solvent), refiner("mmff", molecule)
    for k, x in enumerate(starts):
        one = refine(first(x)[0] if method == "xtb" else x)
        assert found.energies_kcal[k] == pytest.approx(one[1], abs=0.02)
    if solvent == "water":
        assert refine(start)[1] < refiner(method, molecule)(start)[1] - 3, "water holds an alcohol"
    assert relaxer(method, molecule, solvent)(starts[:0]).positions.shape == (0, *start.shape)


def test_a_structure_that_cannot_be_minimised_has_a_reason() -> None:
    molecule = Molecule.from_smiles("CO")
    start = start_structure(molecule)
    found = relaxer("mmff", molecule)(np.stack([start, np.full_like(start, np.nan)]))
    assert found.reasons[0] == "" and np.isfinite(found.energies_kcal[0])
    assert found.reasons[1] or not np.isfinite(found.energies_kcal[1])


def test_solvents_are_those_of_the_method() -> None:
    assert [solvent_of(method, None) for method in ("mmff", "sage", "xtb")] == ["vacuum", "water", "vacuum"]
    assert described("xtb", "thf") == "GFN2-xTB in ALPB thf" and described("mmff") == "MMFF94s in vacuum"
    assert described("sage") == "OpenFF Sage 2.2.1 with NAGL charges in OBC2 water"
    assert (open_protocol(None).name, open_protocol("vacuum").name) == ("implicit", "vacuum")
    for method, solvent in (("mmff", "water"), ("sage", "thf"), ("xtb", "beer")):
        with pytest.raises(InputError, match=f"cannot be in '{solvent}'; choose"):
            solvent_of(method, solvent)
