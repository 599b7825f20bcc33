"""Stereo of frames: mirror images and cis for trans are found, and what has none loses none."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo, stereo_retention
from tests.builders.conformers import FLEXIBLE, embedded


@pytest.mark.parametrize("smiles", [FLEXIBLE, "C[C@@](F)(Cl)CO", "O[C@H]1CC[C@@H](C)C1", "C[C@]1(O)CO[C@@H](CO)C1"])
def test_mirrored_frames_have_lost_their_stereo(smiles):
    molecule, frames = embedded(smiles)
    mirrored = frames * [1, 1, -1]
    assert stereo_retention(molecule, frames) == 1 and stereo_retention(molecule, mirrored) == 0
    mixed = np.concatenate([frames[:3], mirrored[:1]])
    assert frame_stereo(molecule, mixed[:, : molecule.n_heavy]).tolist() == [True, True, True, False]


def test_cis_and_trans_differ():
    cis, frames = embedded("C/C=C\\CO")
    trans = Molecule.from_smiles("C/C=C/CO")
    assert cis.has_stereo and stereo_retention(cis, frames) == 1 and stereo_retention(trans, frames) == 0
    assert stereo_retention(cis, -frames) == 1  # mirror images keep it


def test_without_stereo_there_is_nothing_to_lose_and_nan_is_not_right():
    molecule, frames = embedded("CCO")
    assert not molecule.has_stereo and stereo_retention(molecule, -frames) == 1
    broken = frames[:2].copy()
    broken[1, 0, 0] = np.nan
    assert frame_stereo(molecule, broken).tolist() == [True, False]
    chiral, frames = embedded(FLEXIBLE)
    broken = frames[:3].copy()
    broken[0, 3], broken[1, 1, 1] = np.nan, np.inf
    assert frame_stereo(chiral, broken).tolist() == [False, False, True]
