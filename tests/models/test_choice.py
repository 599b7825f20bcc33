"""The model of a molecule: the smallest that fits, a refusal, or the largest under protest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.models.census import census_of
from eginterpolator.models.choice import AUTO, STRUCTURES, Models, has_time
from eginterpolator.models.registry import list_models, load_model, model_folder
from tests.builders import ROOT
from tests.builders.generation import LARGE
from tests.builders.networks import CHIRAL, molecule


def test_the_smallest_model_that_fits(two_models, tiny):
    small, large, chlorine = (two_models.choose(Molecule.from_smiles(s)) for s in ("CCO", LARGE, "CCCl"))
    assert [c.model.name for c in (small, large, chlorine)] == [tiny.name, "large", "large"]
    assert "3 heavy atoms of at most 12" in small.reason and "14 heavy atoms of at most 40" in large.reason
    assert not small.warnings and not large.warnings
    assert [model.name for model in two_models.used([molecule(CHIRAL)])] == [tiny.name]
    assert len(two_models.used([])) == 2


def test_conditions_that_no_model_was_trained_on_are_refused(two_models):
    assert [model.name for model in two_models.under("obc2", 300.0).models] == [m.name for m in two_models.models]
    with pytest.raises(InputError, match=r"No model gives what is asked for \(not 'tiny-cascaded': .* `egi simulate`"):
        two_models.under("vacuum", 300.0)
    broad = replace(two_models.models[1], config={"limits": {"conditions": {"vacuum": [250, 500]}}})
    assert Models([two_models.models[0], broad]).under("vacuum", 400.0).models == (broad,)


def test_what_fits_none_needs_force(two_models, tiny):
    boron = Molecule.from_smiles("CB(O)O")
    with pytest.raises(
        InputError, match=r"any shipped model \(not 'tiny-cascaded'.*contains B.*; not 'large'.*--force"
    ):
        two_models.choose(boron)
    assert two_models.choose_or_none(boron) is None
    forced = two_models.choose(boron, force=True)
    assert forced.model.name == "large" and "contains B" in forced.warnings[0]
    for smiles, message in (("C" * 13, "13 heavy atoms, more than the 12"), ("CCCl", "contains Cl.*C, N, O, F only")):
        outside = Molecule.from_smiles(smiles)
        with pytest.raises(InputError, match=message + r".*--force"):
            Models([tiny]).choose(outside)
        (warning,) = Models([tiny]).choose(outside, force=True).warnings
        assert "outside of the training data" in warning
    with pytest.raises(InputError, match="Xe, an element that no model knows"):
        two_models.choose(Molecule.from_smiles("[Xe]"), force=True)
    assert not Models([replace(tiny, config={})]).choose(Molecule.from_smiles("C" * 40)).warnings


def test_auto_loads_every_shipped_model():
    models = Models.load(AUTO)
    assert sorted(model.name for model in models.models) == list_models()
    assert models.choose(Molecule.from_smiles("CCO")).model.name == "qm9-obc2"


def test_the_model_that_has_seen_more_of_the_molecule(two_models):
    small, large = two_models.models
    alcohols = [(Chem.MolFromSmiles(s), "thermal") for s in ("CCO", "CCCO", "CC(C)O") * 3]
    amines = [(Chem.MolFromSmiles(s), "thermal") for s in ("CCN", "CCCN", "CC(C)N") * 3]
    small.census, large.census = census_of(alcohols, "small"), census_of([*alcohols, *amines], "large")
    known, new, odd = (two_models.choose(Molecule.from_smiles(s)) for s in ("CCO", "CCN", "CCN=[N+]=[N-]"))
    assert known.model is small and "smallest" in known.reason and not known.warnings
    assert new.model is large and f"'{small.name}'" in new.reason and "has seen less" in new.reason and not new.warnings
    assert odd.model is large and "environment of azide [N-]=[N+]=N" in odd.warnings[0]
    assert odd.warnings[0].startswith("Outside of the training data of 'large', or rare in it: ")
    large.census = None  # of which nothing is known: it has no more new to it
    assert two_models.choose(Molecule.from_smiles("CCO")).model is small


@pytest.fixture
def three(two_models, structures_folder):
    """Two interpolators, of up to 12 and 40 heavy atoms, and a model of structures only, of up to 20."""
    return Models([*two_models.models, load_model(structures_folder)])


def test_a_model_of_structures_only_comes_last_for_frames_in_order(three):
    ordered, alone = three.choose(molecule("CCO")), Models(three.models[1:2]).choose(molecule("CCO"))
    assert ordered.model.name == "tiny-cascaded" and not ordered.warnings
    assert [has_time(model) for model in three.models] == [True, False, True]
    assert alone.model.name == "tiny-structures" and "in no order of time" in alone.warnings[0]
    without = Models([model for model in three.models if model.name != "large"])
    chlorine = without.choose(Molecule.from_smiles("CCCl"))  # which the other does not fit
    assert chlorine.model.name == "tiny-structures" and "--clock measured puts them in order" in chlorine.warnings[0]
    assert without.choose(Molecule.from_smiles("CB(O)O"), force=True).model.name == "tiny-cascaded"


def test_axes_of_chirality_go_to_a_model_that_holds_them(three):
    allene = Molecule.from_smiles("CC=C=CC;P(0,1,3,4)")
    chosen = three.choose(allene)
    assert chosen.model.name == "tiny-structures" and chosen.reason == "it holds axes of chirality"
    (warning,) = chosen.warnings
    assert "in no order of time" in warning
    three.models[1].config["limits"]["axes"] = False
    assert three.choose(allene).model.name == "tiny-cascaded"


def test_the_default_for_independent_frames_is_what_a_config_says(three):
    frames = three.under("thermal", 300.0, independent=True)
    assert frames.choose(molecule("CCO")).model.name == "tiny-cascaded"  # the smallest, as long as none is the default
    three.models[1].config["default_for"] = [STRUCTURES]
    chosen = frames.choose(molecule("CCO"))
    assert chosen.model.name == "tiny-structures" and chosen.reason == "the default for independent frames"
    assert not chosen.warnings and three.choose(molecule("CCO")).model.name == "tiny-cascaded"
    assert frames.choose(Molecule.from_smiles(23 * "C")).model.name == "large"  # too large for the default


def test_water_is_explicit_where_a_model_knows_it_and_implicit_elsewhere(three, two_models):
    ensemble, asked = three.in_solvent("water", 300.0)
    assert ensemble == "tip3p" and [model.name for model in asked.under(ensemble, 300.0).models] == ["tiny-structures"]
    ensemble, asked = three.in_solvent("explicit", 350.0)
    assert ensemble == "thermal" and [model.name for model in asked.under(ensemble, 350.0).models] == [
        "tiny-structures"
    ]
    (note,) = asked.under(ensemble, 350.0, independent=True).choose(molecule("CCO")).warnings
    assert note.startswith("Implicit water stands for explicit water, which") and note.endswith("at 350 K.")
    assert three.in_solvent(None, 300.0)[0] == three.in_solvent("implicit", 300.0)[0] == "thermal"
    assert three.in_solvent("none", 400.0)[0] == "vacuum"
    with pytest.raises(InputError, match="not on vacuum"):
        two_models.under("vacuum", 300.0)
    with pytest.raises(InputError, match="'octanol' is not a solvent; use water, implicit, none"):
        three.in_solvent("octanol", 300.0)


def test_charges_and_rings_are_warned_of_and_not_refused():
    models = Models([load_model(name) for name in ("qm9-obc2", "drugs-obc2")])
    for smiles, words in (
        ("CCN=[N+]=[N-]", "azide [N-]=[N+]=N: never seen (3 of 5 heavy atoms)"),
        ("CCN=C=O", "isocyanate N=C=O: never seen (1 of 5 heavy atoms)"),
        ("CCC=C=C", "allene C=C=C: never seen"),
        ("CCC=C=O", "ketene C=C=O: never seen"),
        ("CCN=C=NC", "carbodiimide N=C=N: never seen"),
        ("C[N+](C)(C)CCO", "net charge +1: never seen; charge +1 on N: rare, 1 of 3,948 simulated molecules"),
        ("CC(=O)[O-]", "net charge -1: never seen; charge -1 on O: rare"),
        ("[NH3+]CC(=O)[O-]", "charge +1 on N: rare, 1 of 3,948 simulated molecules; charge -1 on O: rare"),
        ("CN(C)C(=N)NC(N)=[NH2+]", "net charge +1: never seen"),
        ("C1CCCCCCCCCCC1", "ring of 12: never seen"),
        ("C1CCCCCCCCCCCCCC1", "ring of 15: never seen"),
        ("C1CCC/C=C/CC1", "trans double bond in a ring of 8: seen in minima only (7), never simulated"),
        (
            "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
            "37 heavy atoms: the largest simulated molecule had 36",
        ),
    ):
        (warning,) = models.choose(Molecule.from_smiles(smiles)).warnings
        assert words in warning, smiles
    forced = models.choose(Molecule.from_smiles("Ic1ccccc1"), force=True)
    assert "contains I" in forced.warnings[0] and "element I: never seen" in forced.warnings[1]


def test_what_the_shipped_models_were_trained_on_is_not_warned_of():
    """Held-out molecules of QM9, and uncharged drug-like ones, of which few have an environment that is new."""
    models = Models.load(AUTO)
    warned = {}
    for name in ("held_out_qm9", "held_out_drugs"):
        molecules = [
            line.split()[0]
            for line in (ROOT / "src/eginterpolator/data/lists" / f"{name}.smi").read_text().splitlines()
        ]
        choices = [models.choose(Molecule.from_smiles(s)) for s in molecules if "+]" not in s and "-]" not in s]
        warned[name] = sum(bool(choice.warnings) for choice in choices) / len(choices)
        wanted = {"held_out_qm9": "qm9-obc2", "held_out_drugs": "drugs-obc2"}[name]
        assert {choice.model.name for choice in choices} == {wanted}
    assert warned["held_out_qm9"] == 0 and warned["held_out_drugs"] < 0.3


def test_the_censuses_that_ship_are_small_and_say_where_they_come_from():
    for name in list_models():
        path = model_folder(name) / "census.json"
        assert path.stat().st_size < 1_000_000
        for text in json.loads(path.read_text())["source"]:
            assert text.startswith("made from lists of molecules") or "counted by the run" in text
