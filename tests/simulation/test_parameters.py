"""Parameters of a molecule: charges that add up, and packages or molecules that cannot be had."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.parameters import force_field, openff_molecule, refused, require_openmm
from eginterpolator.simulation.protocol import ImplicitProtocol
from tests.builders.simulation import needs_md


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openmm", None)
    with pytest.raises(InputError, match=r"eginterpolator\[md\].*missing: openmm"):
        require_openmm()


def test_a_refusal_is_the_first_line_that_says_something():
    ethanol = Molecule.from_smiles("CCO")
    assert str(refused(ethanol, ValueError("\n no parameters.\nmore"))) == (
        "The force field cannot take CCO: no parameters."
    )
    assert "ValueError" in str(refused(ethanol, ValueError()))


@needs_md
@pytest.mark.parametrize(("smiles", "charge"), [("CCO", 0), ("C[NH3+]", 1), ("CC(=O)[O-]", -1)])
def test_charges_add_up_and_atoms_keep_their_order(smiles, charge):
    molecule = Molecule.from_smiles(smiles)
    found = openff_molecule(molecule, ImplicitProtocol())
    charges = np.asarray(found.partial_charges.m)
    assert charges.sum() == pytest.approx(charge, abs=1e-9)
    assert [atom.atomic_number for atom in found.atoms] == molecule.atomic_numbers.tolist()
    assert charges[molecule.atomic_numbers == 8].max(initial=-1.0) < 0


@needs_md
def test_what_the_force_field_does_not_know_is_named():
    with pytest.raises(InputError, match="no parameters for Fe"):
        openff_molecule(Molecule.from_smiles("C[Fe]C"), ImplicitProtocol())
    assert force_field(ImplicitProtocol().force_field) is force_field(ImplicitProtocol().force_field)


@needs_md
def test_the_network_of_charges_is_nagls_own():
    from openff.nagl import GNNModel
    from openff.nagl_models import list_available_nagl_models
    from openff.toolkit import Molecule as OFFMolecule

    protocol = ImplicitProtocol()
    (path,) = [path for path in list_available_nagl_models() if path.name == protocol.charge_model]
    model = GNNModel.load(str(path), eval_mode=True)
    for smiles in ("CCO", "CC[C@H](O)C#CCNCSC=C"):  # in its table of molecules, and not
        found = openff_molecule(Molecule.from_smiles(smiles), protocol)
        shift = found.partial_charges.m - model.compute_property(OFFMolecule(found), as_numpy=True)
        assert np.ptp(shift) < 1e-12 and abs(shift[0]) < 1e-6  # what makes them add up
