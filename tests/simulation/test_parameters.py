"""Parameters of a molecule: charges that add up, and packages or molecules that cannot be had."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers
from eginterpolator.simulation.parameters import (
    GASTEIGER,
    GIVEN,
    force_field,
    openff_molecule,
    refused,
    require_openmm,
    require_parameters,
)
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers
from tests.builders.simulation import needs_md


def test_a_missing_package_warns_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openmm", None)
    with pytest.raises(InputError, match=r"eginterpolator\[md\].*missing: openmm"):
        require_openmm()


def test_a_refusal_is_the_first_line_that_warns_something():
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


@needs_md
def test_force_fields_and_charges_are_chosen_by_name():
    ethanol = Molecule.from_smiles("CCO")
    nagl = np.asarray(openff_molecule(ethanol, ImplicitProtocol()).partial_charges.m)
    other = ImplicitProtocol(force_field="openff-2.1.0.offxml", charge_model=GASTEIGER)
    require_parameters(other)
    gasteiger = np.asarray(openff_molecule(ethanol, other).partial_charges.m)
    assert np.abs(gasteiger - nagl).max() > 0.05 and gasteiger.sum() == pytest.approx(0, abs=1e-9)
    for settings, words in (
        ({"force_field": "amber99.offxml"}, "no force field 'amber99'; choose one of .*openff-2.2.1"),
        ({"force_field": "openff_unconstrained-2.2.1.offxml"}, "no constraints"),
        ({"charge_model": "am1bcc"}, "'am1bcc' is not installed.*'given' or 'gasteiger'"),
    ):
        with pytest.raises(InputError, match=words):
            require_parameters(ImplicitProtocol(**settings))


@needs_md
def test_given_charges_are_those_of_the_sdf(tmp_path):
    protocol = ImplicitProtocol(charge_model=GIVEN)
    ethanol = Molecule.from_smiles("CCO")
    mol = with_conformers(ethanol.rdmol, start_conformers(ethanol, 1))
    wanted = np.linspace(-0.2, 0.2, mol.GetNumAtoms())
    for atom, charge in zip(mol.GetAtoms(), wanted, strict=True):
        atom.SetDoubleProp("PartialCharge", charge)
    Chem.CreateAtomDoublePropertyList(mol, "PartialCharge")
    with Chem.SDWriter(str(tmp_path / "a.sdf")) as writer:
        writer.write(mol)
    read = Molecule.from_sdf(tmp_path / "a.sdf")
    np.testing.assert_allclose(openff_molecule(read, protocol).partial_charges.m, wanted, atol=1e-9)
    with pytest.raises(InputError, match="no partial charge on 9 of its 9 atoms"):
        openff_molecule(ethanol, protocol)
    read.rdmol.GetAtomWithIdx(0).SetDoubleProp("PartialCharge", 0.8)
    with pytest.raises(InputError, match="add up to 1.000, and its charge is 0"):
        openff_molecule(read, protocol)
