"""Clusters of frames that are known."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from eginterpolator.analysis import clusters as module
from eginterpolator.analysis.clusters import ClusterSettings, find_clusters
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers
from tests.builders.wells import turned

HEXANE = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def known():
    """Five trajectories of hexane whose middle torsion is trans in 60 frames and gauche+ in 40."""
    random = np.random.default_rng(0)
    centres = np.repeat([180.0, 65.0], [60, 40])
    return [turned("CCCCCC", HEXANE, centres + random.normal(scale=6, size=100)) for _ in range(5)]


def clusters_of(trajectories, **settings):
    return find_clusters(trajectories[0].molecule, [t.positions for t in trajectories], ClusterSettings(**settings))


@pytest.mark.parametrize(
    "settings",
    [{"cutoff": 0.45}, {"count": 2}, {"metric": "torsion", "cutoff": 30.0}, {"metric": "torsion", "count": 2}],
)
def test_two_wells_are_two_clusters_with_their_populations(known, settings):
    found = clusters_of(known, **settings)
    assert len(found.representatives) == 2 and found.total == 500 and len(found.where) == 500
    assert found.population[:2, 0] == pytest.approx([0.6, 0.4], abs=0.01)
    (_, first), (_, second) = found.representatives
    assert first < 60 <= second and found.groups == "5 trajectories"
    for (_, frame), cluster in zip(found.where, found.of_frames, strict=True):
        assert cluster in ((frame >= 60), 2)


def test_all_clusters_are_within_the_cutoff_of_rdkits_best_rmsd(known):
    found = clusters_of(known, cutoff=0.3)
    mol = Chem.RemoveHs(Chem.Mol(known[0].molecule.heavy_mol))
    middle = {c: known[s].heavy[f] for c, (s, f) in enumerate(found.representatives.tolist())}
    for (sample, frame), cluster in list(zip(found.where.tolist(), found.of_frames.tolist(), strict=True))[::50]:
        if cluster in middle:
            pair = with_conformers(mol, np.stack([known[sample].heavy[frame], middle[cluster]]))
            assert rdMolAlign.GetBestRMS(Chem.Mol(pair, confId=0), Chem.Mol(pair, confId=1)) <= 0.3 + 1e-4


def test_symmetry_is_seen_by_both_metrics():
    random = np.random.default_rng(1)
    flips = [turned("ClCc1ccccc1", (0, 1, 2, 3), np.repeat([90.0, -90.0], 30) + random.normal(scale=5, size=60))]
    for settings in ({"cutoff": 0.6}, {"metric": "torsion"}):
        assert len(clusters_of(flips, **settings).representatives) == 1


def test_of_many_frames_some_are_compared_and_the_rest_assigned(known, monkeypatch):
    monkeypatch.setattr(module, "MATRIX_FRAMES", 40)
    found = clusters_of(known, count=2)
    assert found.compared == 40 and len(found.where) == 500
    assert found.population[:, 0] == pytest.approx([0.6, 0.4], abs=0.01)
    monkeypatch.setattr(module, "ASSIGNED", 0)
    known_less = clusters_of(known * 4, count=2)
    assert known_less.total == 2000 and 1000 <= len(known_less.where) <= 1002


def test_frames_beyond_every_cluster_are_the_rest(known, monkeypatch):
    monkeypatch.setattr(module, "MOST_CLUSTERS", 1)
    found = clusters_of(known, cutoff=0.45)
    assert len(found.representatives) == 1 and found.population[:, 0] == pytest.approx([0.6, 0.4], abs=0.01)
    assert len(found.frames) == 2 and found.frames.sum() == 500


def test_what_cannot_be_clustered_is_said():
    with pytest.raises(InputError, match="not both"):
        ClusterSettings(cutoff=1.0, count=3)
    with pytest.raises(InputError, match="no distance"):
        ClusterSettings(metric="size")
    with pytest.raises(InputError, match="positive"):
        ClusterSettings(cutoff=0.0)
    with pytest.raises(InputError, match="from 1 to 50"):
        ClusterSettings(count=51)
    one = turned("CCO", (0, 1, 2, 8), np.array([60.0, 70.0]))
    with pytest.raises(InputError, match="--metric rmsd"):
        clusters_of([one], metric="torsion")
    with pytest.raises(InputError, match="one frame"):
        find_clusters(one.molecule, [one.positions[:1]], ClusterSettings())


def test_conformers_join_the_nearest_that_stands_for_a_cluster_or_begin_one():
    places = np.array([0.0, 2.0, 0.4, 1.7, 5.0, 1.1])
    apart = np.abs(places[:, None] - places)
    assert module.group_conformers(apart, radius=1.0).tolist() == [0, 1, 0, 1, 2, 1]
    assert module.group_conformers(apart, radius=9.0).tolist() == [0] * 6
    assert module.group_conformers(apart, count=3).tolist() == [0, 1, 0, 1, 2, 1]
    assert module.group_conformers(apart, count=50).tolist() == [0, 1, 2, 3, 4, 5]
    assert module.group_conformers(apart[:1, :1], count=2).tolist() == [0]
