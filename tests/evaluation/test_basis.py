"""What a comparison rests on decides what it may be called, and beside what it may stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.basis import Basis, frames_text, oracle_label, published_like

WINDOWS = [np.zeros((500, 3, 3))] * 2
MD = {"protocol": {"name": "implicit"}}
QM9 = Basis.of(Molecule.from_smiles("CCO"), MD, WINDOWS, WINDOWS[:1], WINDOWS, {"task": "unconditional"})
DRUG = replace(QM9, n_heavy=20, elements=("C", "Cl"), reference=(960,), oracle=(960,), task="forward")


def test_the_windows_and_the_molecule_are_kept():
    assert QM9.reference == (500, 500) and QM9.oracle == (500,) and QM9.elements == ("C", "O") and QM9.is_md


@pytest.mark.parametrize("meta", [{}, {"model": "qm9-obc2"}, {"model": "qm9-obc2", "protocol": "implicit"}])
def test_a_reference_that_is_no_simulation_has_no_md_oracle(meta):
    generated = Basis.of(Molecule.from_smiles("CCO"), meta, WINDOWS, WINDOWS)
    assert oracle_label([QM9, generated]) == "held-out part of the reference"
    assert (
        oracle_label([QM9])
        == oracle_label([Basis.of(Molecule.from_smiles("C"), {"forcefield": "x"}, [], [])])
        == ("MD oracle")
    )


@pytest.mark.parametrize(
    ("bases", "protocol", "dataset"),
    [
        ([QM9], "qm9", "qm9"),
        ([QM9], None, None),
        ([QM9], "drugs", None),
        ([QM9, replace(QM9, task="")], "qm9", "qm9"),
        ([replace(QM9, is_md=False)], "qm9", None),
        ([replace(QM9, task="forward")], "qm9", None),
        ([replace(QM9, reference=(120,))], "qm9", None),
        ([replace(QM9, elements=("C", "Cl"))], "qm9", None),
        ([QM9, DRUG], "qm9", None),
        ([DRUG], "drugs", "drugs"),
        ([DRUG], "qm9", None),
        ([replace(DRUG, reference=(500,))], "drugs", None),
        ([], "qm9", None),
    ],
)
def test_published_rows_stand_beside_what_is_like_them(bases, protocol, dataset):
    assert published_like(bases, protocol) == dataset


def test_windows_that_are_short_are_said_to_be():
    assert QM9.shortness(500) == []
    said = replace(QM9, oracle=(77,)).shortness(500)
    assert said == ["Short: the held-out part has trajectories of 77 frames, not of 500."]
    assert len(QM9.shortness(501)) == 2


def test_the_frames_that_were_used_are_a_range():
    assert frames_text([(500, 500), (500, 500)]) == "2 x 500"
    assert frames_text([(500, 400), (77,), ()]) == "1 to 2 x 77 to 500" and frames_text([()]) == "none"
