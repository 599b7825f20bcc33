"""The frozen lists: no molecule, in whatever form, is in two that must be apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from eginterpolator.chemistry.identity import split_key
from eginterpolator.data.build import build, build_trajectories
from eginterpolator.data.readers.folders import MoleculeFolders
from eginterpolator.data.splits import EXCLUDED, exclusions, held_out_counts, read_exclusions
from eginterpolator.errors import InputError
from tests.builders.conformers import write_walks

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "datasets" / "lists", ROOT / "src" / "eginterpolator" / "data" / "lists")
APART = ("held_out_qm9", "held_out_drugs", "water_qm9", "water_drugs")
SIZES = {"held_out_qm9": 68, "held_out_drugs": 33, "water_qm9": 60, "water_drugs": 30}


def path_of(name):
    return next(folder / f"{name}.smi" for folder in FOLDERS if (folder / f"{name}.smi").is_file())


@pytest.mark.parametrize(("one", "other"), list(combinations(APART, 2)))
def test_no_molecule_is_in_two_lists(one, other):
    first, second = (read_exclusions([path_of(name)]) for name in (one, other))
    assert len(first) == SIZES[one] and len(second) == SIZES[other]  # and none is twice in its own
    assert not first & second


def test_what_commands_must_take_is_in_no_list_that_is_trained_on_or_chosen_by():
    drugs = [line.split()[0] for line in path_of("robustness_drugs").read_text().splitlines()]
    kept = set().union(*(read_exclusions([path_of(name)]) for name in APART))
    assert len(drugs) == 1000 and not {split_key(part) for text in drugs for part in text.split(".")} & kept


@pytest.mark.parametrize("name", ["water_qm9", "water_drugs"])
def test_training_molecules_are_not_held_out(name):
    assert not held_out_counts(read_exclusions([path_of(name)]))


def test_every_form_of_a_held_out_molecule_is_left_out():
    assert exclusions([])[split_key("COC(=N)C[C@@H](C)CO")] == "held out by the list held_out_qm9"  # the other isomer
    assert exclusions([])[split_key("N[C@H]1CCCO[C@H](c2ccc([N+](=O)[O-])cc2)OC1")].endswith("held_out_drugs")  # no ion
    assert split_key("COC(=N)CC(C)CO") not in exclusions([], with_held_out=True)


def test_a_named_file_goes_before_the_lists(tmp_path):
    (tmp_path / "mine.smi").write_text("COC(=N)CC(C)CO\nCCO\n")
    found = exclusions([tmp_path / "mine.smi"])
    assert found["COC(=N)CC(C)CO"] == found["CCO"] == EXCLUDED


def test_datasets_leave_held_out_molecules_out_unless_asked(tmp_path):
    write_walks(tmp_path / "md" / "mine", "CCCO", 1, 5, 1.0)
    write_walks(tmp_path / "md" / "theirs", "COC(=N)C[C@H](C)CO", 1, 5, 1.0)
    manifest = build_trajectories(tmp_path / "md", tmp_path / "md.h5")
    assert manifest["molecules"] == 1 and manifest["dropped_names"] == {"held out by the list held_out_qm9": ["theirs"]}
    reader = MoleculeFolders.open(tmp_path / "md")
    assert build(reader, tmp_path / "all.h5", with_held_out=True)["molecules"] == 2


def test_a_folder_of_held_out_molecules_alone_says_why_it_gives_nothing(tmp_path):
    write_walks(tmp_path / "md" / "theirs", "COC(=N)C[C@H](C)CO", 1, 5, 1.0)
    with pytest.raises(InputError, match="held out by the list held_out_qm9"):
        build_trajectories(tmp_path / "md", tmp_path / "md.h5")
    assert not (tmp_path / "md.h5").exists()
