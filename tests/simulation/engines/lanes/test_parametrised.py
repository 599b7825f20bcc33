"""A molecule is parametrised once, for every dynamics."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.protocol import ImplicitProtocol, VacuumProtocol
from tests.builders.simulation import needs_md

pytestmark = needs_md


def test_dynamics_share_parameters_and_solvents_charges_and_molecules_do_not(monkeypatch):
    from eginterpolator.simulation.engines.lanes import parametrised
    from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes

    molecule = Molecule.from_smiles("CCO", "ethanol")
    implicit = ImplicitProtocol(charge_model="gasteiger")
    first = molecule_lanes(molecule, implicit)
    faster = ImplicitProtocol(charge_model="gasteiger", friction_per_ps=20.0, temperature_K=400.0, timestep_fs=2.0)
    assert molecule_lanes(molecule, faster) is first
    others = (VacuumProtocol(charge_model="gasteiger"), ImplicitProtocol(charge_model="gasteiger", hydrogen_mass_amu=2))
    for other in others:
        assert molecule_lanes(molecule, other) is not first
    assert molecule_lanes(Molecule.from_smiles("CCO", "ethanol"), implicit) is not first
    monkeypatch.setattr(parametrised, "build_system", lambda *given: pytest.fail("parametrised again"))
    assert molecule_lanes(molecule, implicit) is first


def test_given_charges_are_read_again():
    from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes

    molecule = Molecule.from_smiles("CCO", "ethanol")
    given = VacuumProtocol(charge_model="given")
    charges = []
    for size in (0.1, 0.2):
        for atom in molecule.rdmol.GetAtoms():
            atom.SetDoubleProp("PartialCharge", size * {0: 1.0, 1: -1.0}.get(atom.GetIdx(), 0.0))
        charges.append(molecule_lanes(molecule, given).arrays["charge"].copy())
    np.testing.assert_allclose(charges[1], 2 * charges[0], rtol=1e-5)
