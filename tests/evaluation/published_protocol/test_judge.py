"""One molecule from arrays: what is drawn, over which frames, and what there is no figure of."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from eginterpolator.chemistry.features import lengths
from eginterpolator.errors import InputError
from eginterpolator.evaluation.published_protocol import judge as module
from eginterpolator.evaluation.published_protocol.judge import judge_as_published
from eginterpolator.evaluation.published_protocol.settings import protocol_of
from eginterpolator.evaluation.published_protocol.windows import Series, ShortReference, generator_of
from tests.builders.conformers import FLEXIBLE, embedded, walk

QM9, DRUGS = protocol_of("qm9"), protocol_of("drugs")
FRAMES = 970
"""5 ns at 5.2 ps are 961.5 frames."""


@cache
def replicas(smiles: str = FLEXIBLE) -> tuple[np.ndarray, ...]:
    return tuple(walk(smiles, FRAMES, seed) for seed in range(5))


@pytest.fixture(scope="module")
def judged():
    molecule, _ = embedded(FLEXIBLE)
    return judge_as_published(molecule, [walk(FLEXIBLE, 500, k) for k in (7, 8)], replicas(), 1, QM9)


def test_the_oracle_is_ten_windows_of_the_fifth_replica(judged):
    assert (judged.oracle.n_trajectories, judged.oracle.n_frames) == (10, 5_000)
    assert (judged.generated.n_trajectories, judged.generated.n_frames) == (2, 1_000)
    assert judged.generated.notes == judged.oracle.notes == [] and judged.generated.paths is None


def test_lengths_are_those_of_windows_drawn_for_lengths(judged):
    """By numpy's histograms and scipy's distance, from 4 x 30 windows and 10."""
    molecule, _ = embedded(FLEXIBLE)
    values = [lengths(x, molecule.heavy_bonds) for x in replicas()]
    random = generator_of(0, "length", molecule.smiles)
    reference = Series(values[:4], 1).windows(500, 30, random)
    oracle = Series(values[4:], 1).windows(500, 10, random)
    assert len(reference) == 120 and len(oracle) == 10
    for k in range(len(molecule.heavy_bonds)):
        p, q = (np.histogram(np.concatenate(windows)[:, k], 100, (1.0, 2.2))[0] for windows in (oracle, reference))
        assert judged.oracle.jsd["length"][k] == pytest.approx(jensenshannon(p, q))


def test_the_reference_is_judged_against_its_first_four_replicas_only(judged):
    """Another fifth replica moves the oracle's figures of lengths, and not those of what was generated."""
    molecule, _ = embedded(FLEXIBLE)
    other = (*replicas()[:4], 1.02 * replicas()[4])
    found = judge_as_published(molecule, [walk(FLEXIBLE, 500, k) for k in (7, 8)], other, 1, QM9)
    assert (found.generated.jsd["length"] == judged.generated.jsd["length"]).all()
    assert (found.oracle.jsd["length"] > judged.oracle.jsd["length"] + 0.05).all()
    assert found.generated.msm == judged.generated.msm


def test_frames_are_taken_5_ps_apart(judged):
    """The same frames with three others between each two, stride 4: values of the same frames come back."""
    molecule, _ = embedded(FLEXIBLE)
    finer = [np.repeat(x, 4, axis=0) for x in replicas()]
    found = judge_as_published(molecule, [], finer, 4, QM9)
    assert found.generated is None and found.oracle.n_frames == 5_000
    assert found.oracle.jsd["torsion"].mean() == pytest.approx(judged.oracle.jsd["torsion"].mean(), abs=0.05)


def test_the_generated_range_is_part_of_the_joint_range(judged):
    """With something generated far away the oracle's TICA_0 has wider bins, and other figures than alone."""
    molecule, _ = embedded(FLEXIBLE)
    alone = judge_as_published(molecule, [], replicas(), 1, QM9).oracle
    assert alone.tica_0 is not None and alone.msm == judged.oracle.msm, "states know no range"
    assert alone.jsd["torsion"].tolist() == judged.oracle.jsd["torsion"].tolist()
    far = [np.random.default_rng(0).normal(0, 2, (500, molecule.n_atoms, 3))]
    assert judge_as_published(molecule, far, replicas(), 1, QM9).oracle.tica_0 != alone.tica_0


def test_a_ring_of_three_has_distance_zero_and_no_decorrelation():
    molecule, _ = embedded("CCC1CC1")
    found = judge_as_published(molecule, [walk("CCC1CC1", 500, 9)], replicas("CCC1CC1"), 1, QM9).generated
    assert found.jsd["torsion"][-1] == 0 and np.isnan(found.jsd["decorrelation"][-1])
    assert np.isfinite(found.jsd["decorrelation"][0])
    assert found.never_decorrelated["reference"] == [0, 120] and found.never_decorrelated["generated"] == [0, 1]
    assert found.notes == ["1 torsion(s) without a decorrelation figure: no window got to 1/e."]
    assert found.to_dict()["jsd"]["decorrelation"][-1] is None
    assert found.components < 3 and found.tica_01 is None and found.tica_0 is not None


def test_a_rigid_molecule_has_no_tica():
    molecule, _ = embedded("CCO")
    found = judge_as_published(molecule, [], replicas("CCO"), 1, QM9).oracle
    assert (found.tica_0, found.tica_01, found.msm, found.components) == (None, None, None, 0)
    assert found.jsd["torsion"].shape == found.jsd["decorrelation"].shape == (0,)
    assert found.notes == ["Too rigid for TICA and MSM: it has no torsion."]


def test_drugs_have_lags_and_windows_of_their_own(monkeypatch):
    molecule, _ = embedded(FLEXIBLE)
    seen: dict[str, list] = {"times": [], "tica": [], "msm": []}

    def watch(name, function, argument):
        def wrapped(*given):
            seen[name].append(given[argument])
            return function(*given)

        return wrapped

    monkeypatch.setattr(module, "decorrelation_times", watch("times", module.decorrelation_times, 2))
    monkeypatch.setattr(module, "fit_kinetic_map", watch("tica", module.fit_kinetic_map, 1))
    monkeypatch.setattr(module, "fit_published_states", watch("msm", module.fit_published_states, 1))
    found = judge_as_published(molecule, [walk(FLEXIBLE, 960, 3)] * 2, replicas(), 1, DRUGS)
    # 970 - 960 - 1 = 9 places: five of them in each reference replica, all nine in the oracle's
    assert found.oracle.n_trajectories == 9 and "in 9 places" in found.oracle.notes[0]
    assert seen["times"] == [900] * 20 + [900] * 9 + [240] * 2
    assert seen["tica"] == [10, 10] and seen["msm"] == [20]


def test_paths_between_one_pair_of_frames_are_judged():
    """Paths of 101 frames cut out of nothing but one stretch: the same ends, and steps that MD takes."""
    molecule, _ = embedded(FLEXIBLE)
    stretch = replicas()[0][:101]
    found = judge_as_published(molecule, [stretch] * 3, replicas(), 1, QM9, paths=True).generated
    assert (found.paths.paths, found.paths.pairs) == (3, 1) and 0 <= found.paths.valid <= 1
    assert "Paths: 3, where the published protocol has 900." in found.notes
    with pytest.raises(InputError, match="paths of 101 frames"):
        judge_as_published(molecule, [replicas()[0][:90]], replicas(), 1, QM9, paths=True)


def test_what_is_too_short_is_refused():
    molecule, _ = embedded(FLEXIBLE)
    with pytest.raises(
        ShortReference, match=r"the reference has 5, the shortest of 4\.68 ns \(900 frames of 5\.2 ps\)"
    ):
        judge_as_published(molecule, [], [x[:900] for x in replicas()], 1, QM9)
    with pytest.raises(
        InputError, match="has 20 frames of 5.2 ps; the published protocol needs more than its lag of 20"
    ):
        judge_as_published(molecule, [replicas()[0][:20]], replicas(), 1, DRUGS)
    shorter = judge_as_published(molecule, [replicas()[0][:300]], replicas(), 1, QM9).generated
    assert shorter.notes == ["Trajectories of 300 frames, not of 500."]
