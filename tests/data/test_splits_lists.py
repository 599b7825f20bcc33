"""The frozen lists: no molecule, in whatever form, is in two that must be apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from eginterpolator.chemistry.identity import split_key
from eginterpolator.data.splits import read_exclusions

LISTS = Path(__file__).parents[2] / "datasets" / "lists"
APART = ("held_out_qm9", "held_out_drugs", "water_qm9", "water_drugs")
SIZES = {"held_out_qm9": 72, "held_out_drugs": 36, "water_qm9": 60, "water_drugs": 30}


@pytest.mark.parametrize(("one", "other"), list(combinations(APART, 2)))
def test_no_molecule_is_in_two_lists(one, other):
    first, second = (read_exclusions([LISTS / f"{name}.smi"]) for name in (one, other))
    assert len(first) == SIZES[one] and len(second) == SIZES[other]  # and none is twice in its own
    assert not first & second


def test_what_commands_must_take_is_in_no_list_that_is_trained_on_or_chosen_by():
    drugs = [line.split()[0] for line in (LISTS / "robustness_drugs.smi").read_text().splitlines()]
    kept = set().union(*(read_exclusions([LISTS / f"{name}.smi"]) for name in APART))
    assert len(drugs) == 1000 and not {split_key(part) for text in drugs for part in text.split(".")} & kept
