"""What a model was trained on is kept beside it, and says what of a molecule is new to it."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from eginterpolator.errors import InputError
from eginterpolator.models import census as module
from eginterpolator.models.census import RARE, Census, census_of

SEEN = ["CCO", "CCCO", "CCCCO", "CCOC", "c1ccccc1CO", "c1ccccc1CCO"]


def made(*thermal: str, minima: tuple[str, ...] = (), source: str = "a list") -> Census:
    mols = [(Chem.MolFromSmiles(s), "thermal") for s in thermal] + [(Chem.MolFromSmiles(s), "minimum") for s in minima]
    return census_of(mols, source)


@pytest.fixture
def seen() -> Census:
    return made(*SEEN * RARE, minima=("[NH3+]CC(=O)[O-]",))


def said(census: Census, smiles: str) -> str:
    return "; ".join(census.coverage(Chem.MolFromSmiles(smiles)).sentences)


def test_what_was_seen_is_not_spoken_of(seen):
    coverage = seen.coverage(Chem.MolFromSmiles("CCCCO"))
    assert coverage.unseen == 0 and coverage.sentences == []


def test_what_was_never_seen_is_named_and_counted(seen):
    assert "element I: never seen" in said(seen, "CCI")
    assert "net charge +1: never seen" in said(seen, "C[N+](C)(C)CCO")
    assert "ring of 12: never seen" in said(seen, "C1CCCCCCCCCCC1")
    assert "environment of azide [N-]=[N+]=N, CCN: never seen (4 of 5 heavy atoms)" in said(seen, "CCN=[N+]=[N-]")
    assert "9 heavy atoms: the largest simulated molecule had 9" not in said(seen, "c1ccccc1CCO")
    assert "10 heavy atoms: the largest simulated molecule had 9" in said(seen, "c1ccccc1CCCO")
    assert seen.coverage(Chem.MolFromSmiles("CCI")).unseen == 3  # the element, iodine and its neighbour


def test_minima_are_not_simulations(seen):
    text = said(seen, "[NH3+]CC(=O)[O-]")
    assert "charge +1 on N: seen in minima only (1), never simulated" in text
    assert seen.coverage(Chem.MolFromSmiles("[NH3+]CC(=O)[O-]")).unseen == 0
    only = made(minima=tuple(SEEN * RARE))
    assert said(only, "CCCO") == "" and "net charge +1: never seen" in said(only, "C[NH3+]")


def test_what_few_had_is_rare(seen):
    for _ in range(RARE - 1):
        seen.add(Chem.MolFromSmiles("CCBr"), "thermal")
    assert f"element Br: rare, {RARE - 1} of {len(SEEN) * RARE + RARE - 1} simulated molecules" in said(seen, "CCBr")
    assert f"environment of CBr: rare, fewer than {RARE} of" in said(seen, "CCBr")
    seen.add(Chem.MolFromSmiles("CCBr"), "thermal")
    assert said(seen, "CCBr") == ""


def test_new_surroundings_are_told_where_they_are_half_of_the_molecule():
    census = made(*["OCC(C)(C)C", "CCCC", "CC(C)C", "CCO"] * RARE)
    assert "surroundings to two bonds: never seen for" in said(census, "OCCCC(C)(C)CCO")
    assert "surroundings" not in said(census, "CCCC")


def test_a_census_comes_back_from_its_file(seen, tmp_path):
    seen.save(tmp_path)
    back = Census.load(tmp_path)
    assert back is not None and (back.molecules, back.source, back.stores) == (seen.molecules, ["a list"], [])
    for table in ("heavy_atoms", "traits", "near"):
        assert back.tables[table] == seen.tables[table]
    assert back.tables["far"] == {key: [n, 0] for key, (n, _) in seen.tables["far"].items() if n}
    for smiles in ("CCI", "[NH3+]CC(=O)[O-]", "C1CCCCCCCCCCC1", "CCO"):
        assert said(back, smiles) == said(seen, smiles)
    assert Census.load(tmp_path / "elsewhere") is None


def test_the_file_stays_small(seen, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_FAR", 5)
    seen.add(Chem.MolFromSmiles("CC(C)(C)CCO"), "thermal")
    seen.save(tmp_path)
    back = Census.load(tmp_path)
    assert back is not None and len(back.tables["far"]) <= 5 and back.far_from > 1
    assert f"seen in fewer than {back.far_from} molecules" in said(back, "CC(C)(C)CCO")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 2, "ensembles": []}', "\xff"])
def test_a_damaged_census_is_one_sentence(tmp_path, text):
    (tmp_path / "census.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="census.json"):
        Census.load(tmp_path)


def test_adding_and_joining():
    one, other = made("CCO", "CCO"), made("CCO", source="another")
    both = made("CCO", "CCO")
    both.add_all(other)
    assert both.molecules == [3, 0] and both.tables["near"]["OH1(-C)"] == [3, 0]
    assert both.source == ["a list", "another"]
    one.join(other)
    assert one.molecules == [2, 0] and one.tables["near"]["OH1(-C)"] == [2, 0]


def test_hydrogens_that_are_atoms_do_not_count():
    explicit, implicit = made("[H]/N=C/C"), made("N=CC")
    assert explicit.tables == implicit.tables
    assert json.dumps(explicit.tables) and "element H" not in explicit.tables["traits"]
