"""Hot replicas: structures that are sound, and far from what there is."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("openmm", reason="openmm is not installed; make test installs it")

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError
from eginterpolator.simulation import hot
from eginterpolator.simulation.hot import hot_structures
from eginterpolator.simulation.starts import kabsch_rmsd, start_conformers
from tests.builders.networks import CHIRAL


def test_hot_structures_are_sound_and_far_apart(monkeypatch) -> None:
    monkeypatch.setattr(hot, "REPLICA_PS", 40.0)
    molecule = Molecule.from_smiles(CHIRAL)
    known = start_conformers(molecule, 2, seed=1)
    found = hot_structures(molecule, known, 5, seed=3)
    assert found.shape == (5, molecule.n_atoms, 3) and frame_stereo(molecule, found).all()
    heavy = np.concatenate([known, found])[:, : molecule.n_heavy]
    for k in range(3, len(heavy)):  # none of those before is as far as it
        nearest = [kabsch_rmsd(heavy[:k], heavy[j]).min() for j in range(k, len(heavy))]
        assert nearest[0] == max(nearest) > 0.1
    np.testing.assert_array_equal(found, hot_structures(molecule, known, 5, seed=3))


def test_what_lanes_cannot_run_is_said() -> None:
    molecule = Molecule.from_smiles("C" * 60)
    with pytest.raises(InputError, match="Lanes cannot run it"):
        hot_structures(molecule, np.zeros((1, molecule.n_atoms, 3)), 2)
