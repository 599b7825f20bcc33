"""Lists and data of the organic model: rules that make molecules, what is left out, and one command for all of it."""

from __future__ import annotations

import json
import random
from itertools import islice
from types import SimpleNamespace

import pytest
from rdkit import Chem

import organic_census
import organic_data
import organic_lists
from eginterpolator.chemistry.molecule import Molecule
from organic.made import GROUPS, MAKERS, STEROIDS, SUGARS
from organic.parts import decorated, fragments_of, joined, products, recombined
from tests.builders.simulation import needs_md

PARENTS = ("CC(=O)Nc1ccc(OCCN2CCCC2)cc1", "O=C(NCc1ccncc1)c1ccc(I)cc1", "COP(=O)(OC)Oc1ccc(C(=O)N2CCOCC2)cc1")


@pytest.mark.parametrize("kind", MAKERS)
def test_every_class_makes_molecules_that_fit_and_the_same_for_a_seed(kind):
    first = list(islice(MAKERS[kind](random.Random(1)), 40))
    mols = [mol for smiles in first if (mol := Chem.MolFromSmiles(smiles)) is not None]
    assert first == list(islice(MAKERS[kind](random.Random(1)), 40))
    assert sum(map(organic_lists.fitting, mols)) > 25
    if kind == "macrocycle":
        assert all(9 <= max(map(len, mol.GetRingInfo().AtomRings())) for mol in mols)
    if kind == "zwitterion":
        assert sum(Chem.GetFormalCharge(mol) == 0 for mol in mols) == len(mols)


def test_every_group_and_frame_is_a_molecule():
    for group in (each for groups in GROUPS.values() for each in groups):
        assert Chem.MolFromSmiles("C" + group) is not None, group
    for frame in (*STEROIDS, *SUGARS):
        assert Chem.MolFromSmiles(frame.format(r="C")) is not None, frame


def test_fragments_are_joined_where_brics_lets_them():
    fragments = fragments_of(Chem.MolFromSmiles(smiles) for smiles in PARENTS)
    assert all(1 <= len(labels) <= 3 for _, labels in fragments)
    made = list(islice(recombined(fragments, random.Random(2), (10, 45)), 20))
    assert all(10 <= mol.GetNumHeavyAtoms() <= 45 and "*" not in Chem.MolToSmiles(mol) for mol in made)
    assert len({Chem.MolToSmiles(mol) for mol in made}) > 5
    ethane = joined(Chem.MolFromSmiles("C*"), 1, Chem.MolFromSmiles("*C"), 0)
    assert Chem.CanonSmiles(Chem.MolToSmiles(ethane)) == "CC"


def test_changes_put_iodine_and_phosphorus_onto_molecules():
    benzene = Chem.MolFromSmiles("c1ccccc1")
    assert products("[cX3H1:1]>>[c:1]I", benzene) == ["Ic1ccccc1"]
    choice = random.Random(0)
    elements = {a.GetSymbol() for _ in range(200) for a in decorated(Chem.MolFromSmiles(PARENTS[0]), choice).GetAtoms()}
    assert {"I", "P", "Br"} <= elements


@pytest.mark.parametrize(
    ("smiles", "fits"),
    [("CCO", True), ("C[Si](C)C", False), ("[2H]C", False), ("[CH3]", False), ("CC.O", False), ("C" * 61, False),
     ("[NH3+]CC([NH3+])CC[NH3+]", False), ("C1" + "C" * 20 + "1", False), ("C1" + "C" * 19 + "1", True)],
)  # fmt: skip
def test_what_fits(smiles, fits):
    assert organic_lists.fitting(Chem.MolFromSmiles(smiles)) is fits


def test_open_stereo_is_drawn_and_the_charge_state_is_that_of_water():
    drawn = {organic_lists.one_isomer(Chem.MolFromSmiles("CC(O)C(N)C(=O)O"), random.Random(k)).key for k in range(12)}
    assert len(drawn) > 2 and all(key.count("@") for key in drawn)
    choice = random.Random(0)
    alanine = organic_lists.at_ph(Molecule.from_smiles("C[C@H](N)C(=O)O"), choice)
    assert alanine.smiles == "C[C@H]([NH3+])C(=O)[O-]"
    crowded = Molecule.from_smiles("CNCNC")
    assert organic_lists.at_ph(crowded, choice).smiles == "CNCNC"  # not charged twice
    phenols = [organic_lists.at_ph(Molecule.from_smiles("Oc1ccccc1"), choice).smiles for _ in range(20)]
    assert phenols.count("Oc1ccccc1") > 10


def test_what_is_excluded_or_there_is_not_taken():
    lists = organic_lists.Lists({"CCO": "a reason"})
    assert not lists.takes(Molecule.from_smiles("CC[O-]")) and lists.reasons == {"a reason": 1}
    assert lists.takes(Molecule.from_smiles("CCN")) and not lists.takes(Molecule.from_smiles("NCC"))


@needs_md
@pytest.mark.slow
def test_one_command_makes_lists_data_and_census(tmp_path, capsys):
    options = SimpleNamespace(
        out=tmp_path, chembl=[], exclude=[], seed=1, scale=0.002, workers=1, part=["made"],
    )  # fmt: skip
    facts = organic_data.made("made", options)
    assert facts["store"]["molecules"] + len(facts["failures"]) == facts["list"]["molecules"]
    assert json.loads((tmp_path / "lists" / "made.json").read_text())["sha256"] == facts["list"]["sha256"]
    assert organic_data.made("made", options) == facts  # nothing is done twice
    mols = [Chem.MolFromSmiles("CN=[N+]=[N-]"), Chem.MolFromSmiles("[NH3+]CC(=O)[O-]")]
    found = organic_census.census(mols)
    assert found["group"]["azide"] == 1 and found["has"]["charges of both signs, apart"] == 1
    assert found["net charge"] == {"0": 2} and found["element"]["N"] == 2
