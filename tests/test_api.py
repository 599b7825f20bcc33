"""The functions of the package: what they take, what they give."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

import eginterpolator
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from tests.builders.generation import moved

pytestmark = pytest.mark.usefixtures("no_lanes")
"""Frames are in the network's order."""


def test_the_python_functions(tiny, tiny_folder):
    one = eginterpolator.generate("CCO", n_frames=4, seed=2, model=tiny)
    assert isinstance(one, Trajectory) and one.positions.shape == (4, 9, 3) and one.frame_ps == 5.2
    for same in ("CCO", Chem.MolFromSmiles("CCO"), Molecule.from_smiles("CCO")):
        samples = eginterpolator.generate_samples(same, 2, 4, 2, tiny_folder, batch=1)
        np.testing.assert_allclose(samples[0].positions, one.positions, atol=1e-4)
    start, end = moved("CCO", 1), moved("CCO", 2)
    (forward,) = eginterpolator.generate_samples("CCO", 1, 4, 2, tiny, start=start)
    (between,) = eginterpolator.generate_samples("CCO", 1, 4, 2, tiny, start=start[:3], end=end)
    np.testing.assert_array_equal(forward.positions[0], start)
    np.testing.assert_array_equal(between.positions[0, :3], start[:3])
    np.testing.assert_array_equal(between.positions[-1], end)
    assert (forward.meta["task"], between.meta["task"]) == ("forward", "interpolation")
    ensemble = eginterpolator.conformers("CCO", 3, model=tiny, hydrogens=False)
    assert ensemble.positions.shape == (3, 3, 3)
    ranked = eginterpolator.conformers("CC[C@H](O)CN", 6, seed=1, model="etkdg", energies="mmff", clusters=2)
    assert ranked.clusters.n_rows == 2 and ranked.table["relative_kcal"][0] == 0 and ranked.table.n_rows == len(ranked)
    assert len(eginterpolator.conformers("CCO", 2, model="etkdg", hydrogens=False).positions[0]) == 3
    with pytest.raises(InputError, match="needs energies"):
        eginterpolator.conformers("CCO", 2, model="etkdg", populations_at=300.0)
    with pytest.raises(InputError, match="ETKDG knows neither"):
        eginterpolator.conformers("CCO", 2, model="etkdg", solvent="water")
    with pytest.raises(InputError, match="needs a start frame"):
        eginterpolator.generate_samples("CCO", 1, model=tiny, end=end)
    with pytest.raises(InputError, match="--force"):
        eginterpolator.generate("CCCl", model=tiny)
    assert np.isfinite(eginterpolator.generate("CCCl", 4, model=tiny, force=True).positions).all()
