"""Molecules that a box cut through are made whole."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.frame_files import Frames
from eginterpolator.files.matching import misfit
from eginterpolator.files.periodic import make_whole
from tests.builders.networks import CHIRAL, geometry, molecule


@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_molecule_across_the_walls(hydrogens):
    wanted, box = molecule(CHIRAL), 15.0
    frame = geometry(CHIRAL) if hydrogens else geometry(CHIRAL)[: wanted.n_heavy]
    moved = np.stack([frame + shift for shift in ([0, 0, 0], [6, 7, -7], [14.9, 0.1, 7.5])]) % box
    frames = Frames(np.float32(moved), None, np.repeat(np.float32(np.eye(3) * box)[None], 3, axis=0))
    assert any(misfit(wanted, each) for each in frames.positions)
    for each in make_whole(wanted, frames):
        assert not misfit(wanted, each)
        apart = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (each, frame)]
        np.testing.assert_allclose(apart[0], apart[1], atol=1e-4)


def test_without_a_box_nothing_moves():
    positions = np.float32(geometry(CHIRAL)[None])
    assert make_whole(molecule(CHIRAL), Frames(positions, None)) is positions
    alone = Frames(np.zeros((1, 1, 3), dtype=np.float32), None, np.eye(3)[None])
    assert make_whole(Molecule.from_smiles("[Xe]"), alone) is alone.positions
