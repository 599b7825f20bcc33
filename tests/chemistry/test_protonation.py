"""Charge states at a pH: of textbook molecules, with atoms, stereo and coordinates left where they were."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry import protonation
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import (
    MOST_STATES,
    charge_states,
    charged_in_water,
    other_tautomers,
    protonation_facts,
)
from eginterpolator.errors import InputError

IBUPROFEN = "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O"
PHENYLALANINE = "N[C@@H](Cc1ccccc1)C(=O)O"


def states(smiles: str, ph: float = 7.4) -> list[str]:
    return [state.smiles for state in charge_states(Molecule.from_smiles(smiles, "x"), ph)]


@pytest.mark.parametrize(
    ("smiles", "ph", "wanted"),
    [
        (IBUPROFEN, 7.4, "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)[O-]"),
        (IBUPROFEN, 1.0, IBUPROFEN),
        ("NCCc1ccccc1", 7.4, "[NH3+]CCc1ccccc1"),
        ("NCCc1ccccc1", 13.0, "NCCc1ccccc1"),
        (PHENYLALANINE, 7.4, "[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]"),
        ("[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]", 7.4, "[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]"),
        ("CC(N)=N", 7.4, "CC(N)=[NH2+]"),
        ("CCO", 7.4, "CCO"),
        ("c1ccncc1", 7.4, "c1ccncc1"),
        ("C[N+](C)(C)CCO", 7.4, "C[N+](C)(C)CCO"),
    ],
)
def test_the_likeliest_state_of_textbook_molecules(smiles, ph, wanted):
    assert states(smiles, ph)[0] == Chem.CanonSmiles(wanted)


def test_states_that_matter_are_listed_and_named():
    found = charge_states(Molecule.from_smiles("C1COCCN1", "morpholine"), 7.4)
    assert [state.smiles for state in found] == ["C1COCC[NH2+]1", "C1COCCN1"]
    assert [state.name for state in found] == ["morpholine_pH7.4_a", "morpholine_pH7.4_b"]
    assert {state.seed_name for state in found} == {"morpholine"}
    (one,) = charge_states(Molecule.from_smiles("CC(=O)O", "acid"), 7.4)
    assert one.name == "acid_pH7.4"
    assert protonation_facts(one) == {"ph": "7.4", "protonated_from": "CC(=O)O"}
    assert protonation_facts(Molecule.from_smiles("CCO")) == {}


def test_the_likeliest_of_too_many_are_kept(caplog):
    found = states("NCCCNCCCCNCCCN")
    assert len(found) == MOST_STATES and found[0] == "[NH3+]CCC[NH2+]CCCC[NH2+]CCC[NH3+]"
    assert "more than 8 charge states" in caplog.text


def test_atoms_stereo_and_coordinates_stay():
    drawn = Chem.AddHs(Chem.MolFromSmiles("OC(=O)/C=C/[C@H](N)C[C@@H](C)S"))
    AllChem.EmbedMolecule(drawn, randomSeed=3)
    drawn = Chem.RenumberAtoms(drawn, np.random.default_rng(1).permutation(drawn.GetNumAtoms()).tolist())
    drawn.SetProp("vendor", "A-17")
    before = Molecule.from_rdkit(drawn, "m")
    after = charge_states(before, 7.4)[0]
    assert Chem.CanonSmiles(after.smiles) == Chem.CanonSmiles("[O-]C(=O)/C=C/[C@H]([NH3+])C[C@@H](C)S")
    n = before.n_heavy
    assert after.n_atoms == before.n_atoms and after.atomic_numbers[:n].tolist() == before.atomic_numbers[:n].tolist()
    assert after.heavy_bonds.tolist() == before.heavy_bonds.tolist() and after.atom_map[:n] == before.atom_map[:n]
    heavy = [each.rdmol.GetConformer().GetPositions()[:n] for each in (before, after)]
    np.testing.assert_allclose(*heavy)
    assert after.rdmol.GetProp("vendor") == "A-17"
    hydrogen = after.rdmol.GetConformer().GetPositions()[n:]
    assert np.linalg.norm(hydrogen[:, None] - heavy[1], axis=-1).min(axis=1).max() < 1.6


def test_axes_stay():
    twisted = Molecule.from_smiles(next(iter(_biaryls())), "b")
    after = charge_states(twisted, 7.4)[0]
    assert len(after.axes) == len(twisted.axes) == 1 and after.axes[0].sorted() == twisted.axes[0].sorted()


def _biaryls() -> list[str]:
    from eginterpolator.chemistry.molecule import enumerate_stereo

    return [isomer.key for isomer in enumerate_stereo("Cc1cccc(C(=O)O)c1-c1c(C)cccc1C(=O)OC", "b")]


def test_neutral_groups_that_water_charges():
    for smiles, names in {
        IBUPROFEN: ["carboxylic acid"],
        PHENYLALANINE: ["amine", "carboxylic acid"],
        "CN(C)C(=N)NC(N)=N": ["amidine or guanidine"],
        "OP(=O)(O)OC": ["phosphoric, phosphonic or sulfonic acid"],
        "C1CCNCC1": ["amine"], "CN1CCCC1": ["amine"],
    }.items():  # fmt: skip
        assert charged_in_water(Molecule.from_smiles(smiles)) == names
    for smiles in (
        "CCO", "CC(=O)N", "CC(=O)NC", "Nc1ccccc1", "c1ccncc1", "CC#N", "[NH3+]CC", "CC(=O)[O-]", "CC(=O)OC",
        "CS(N)(=O)=O",
        "C[N+](C)(C)C", "CN(C)N=O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "NC(N)=O", "CC(=O)Nc1ccc(O)cc1", "C=CN(C)C", "NO",
    ):  # fmt: skip
        assert charged_in_water(Molecule.from_smiles(smiles)) == [], smiles


def test_tautomers_are_named_and_the_one_that_was_given_is_run():
    imidazole = Molecule.from_smiles("Cc1cnc[nH]1", "t")
    assert other_tautomers(imidazole) == ["Cc1c[nH]cn1"]
    (run,) = charge_states(imidazole, 7.4)
    assert run.smiles == imidazole.smiles and protonation_facts(run)["tautomers"] == "Cc1c[nH]cn1"
    assert other_tautomers(Molecule.from_smiles("Oc1ccccn1")) == ["O=c1cccc[nH]1"]
    for smiles in (IBUPROFEN, "CC(=O)Nc1ccc(O)cc1", "CCO", "CC(C)=O"):
        assert other_tautomers(Molecule.from_smiles(smiles)) == []


def test_what_is_no_ph_and_what_is_not_installed_is_said(monkeypatch):
    molecule = Molecule.from_smiles("CCO")
    for ph in (-1.0, 14.5, float("nan")):
        with pytest.raises(InputError, match="give a number from 0 to 14"):
            charge_states(molecule, ph)
    protonation._library.cache_clear()
    monkeypatch.setitem(sys.modules, "dimorphite_dl", None)
    with pytest.raises(InputError, match=r"pip install 'eginterpolator\[ph\]'"):
        charge_states(molecule, 7.4)
    protonation._library.cache_clear()
