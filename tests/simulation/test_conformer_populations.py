"""Thermal populations: frames count for the nearest minimum's cluster, and two mirror wells get half each."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.simulation import conformer_populations as module
from eginterpolator.simulation.conformer_populations import counted
from eginterpolator.simulation.conformers import RankSettings, ranked
from tests.builders.conformers import embedded


def test_frames_count_for_the_cluster_of_the_nearest_minimum():
    apart = np.array([[0.1, 0.9, 0.9], [0.3, 0.2, 0.9], [0.9, 0.1, 0.9], [0.9, 0.9, 0.8]])
    shares = counted(np.tile(apart, (8, 1)), np.array([0, 1, 0]), np.repeat(np.arange(8) + 3, 4))
    np.testing.assert_allclose(shares[:, 0], [0.25, 0.5])  # the last frame is near to none
    np.testing.assert_allclose(shares[:, 1], shares[:, 0], atol=1e-9)  # every replica says the same
    owner = np.repeat([0, 1], 16)
    alone = counted(np.repeat([[0.0, 1.0], [1.0, 0.0]], 16, axis=0), np.array([0, 1]), owner)
    np.testing.assert_allclose(alone, [[0.5, 0.0, 1.0]] * 2)  # replicas that disagree know nothing


@pytest.mark.slow
def test_wells_that_are_mirror_images_have_half_each(monkeypatch):
    for package in ("openmm", "openff.toolkit", "pymbar"):
        pytest.importorskip(package, reason=f"{package} is not installed; make test installs it")
    monkeypatch.setattr(module, "FRAMES", 400)
    molecule, frames = embedded("CCCC")
    settings = RankSettings.of("sage", clusters="0.2", populations="thermal", solvent="vacuum")
    found = ranked(ConformerEnsemble(molecule, frames), settings, seed=5)
    assert found.clusters is not None and found.meta["ranking"]["thermal"]["elsewhere"] == pytest.approx(0.0, abs=0.01)
    by_population = dict(zip(found.clusters["relative_kcal"], found.clusters["thermal"], strict=True))
    trans, *gauche = [share for _, share in sorted(by_population.items())]
    assert sum(found.clusters["thermal"]) == pytest.approx(1.0, abs=0.01) and 0.5 < trans < 0.9
    assert len(gauche) == 2 and abs(gauche[0] - gauche[1]) < 0.08
    for row in found.clusters.rows:
        assert row["thermal_low"] <= row["thermal"] <= row["thermal_high"]
