"""Folders by the published protocol: JSON with its name, published rows beside, and refusals in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.evaluation.published import published_trajectories
from eginterpolator.evaluation.published_protocol.folders import evaluate_as_published, summarise_as_published
from eginterpolator.evaluation.published_protocol.judge import PublishedComparison
from eginterpolator.evaluation.published_protocol.windows import ShortReference
from eginterpolator.jobs.tasks import Workers
from tests.builders.published import write_generated, write_reference


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return write_reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def evaluation(reference, tmp_path_factory):
    return evaluate_as_published(write_generated(tmp_path_factory.mktemp("generated")), reference, "qm9")


def test_every_summary_says_which_protocol_made_it(evaluation):
    values = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert list(values)[:2] == ["schema_version", "protocol"]
    assert values["protocol"] == values["generated"]["protocol"] == values["oracle"]["protocol"] == "as published, QM9"
    assert (values["config"]["frame_ps"], values["config"]["n_frames"], values["config"]["windows"]) == (5.2, 500, 30)
    assert values["failures"] == [] and list(values["molecules"]) == ["a", "b"]
    assert values["generated"]["torsions_without_decorrelation"] == 1
    assert values["generated"]["without_tica_01"] == ["b"] and values["generated"]["tica_01"]["count"] == 1
    assert len(values["molecules"]["b"]["oracle"]["jsd"]["torsion"]) == 2


def test_published_rows_stand_beside_molecules_of_their_kind(evaluation):
    figures = published_trajectories("qm9", "unconditional")
    assert list(evaluation.published().values()) == [figures["EGInterpolator"], figures["MD oracle"]]
    assert evaluation.basis["a"].reference == (500,) * 120 and evaluation.basis["a"].oracle == (500,) * 10
    other = replace(evaluation, basis={**evaluation.basis, "c": replace(evaluation.basis["a"], n_heavy=30)})
    assert other.published() == {}


def test_the_oracle_alone_and_by_workers_is_the_same(reference, evaluation):
    """The distances of distributions; TICA's bins know what was generated."""
    alone = evaluate_as_published(None, reference, "qm9", workers=Workers(count=2))
    assert alone.generated == {} and alone.to_dict()["generated"] == {} and alone.failures == []
    for name, found in alone.oracle.items():
        assert {k: v.tolist() for k, v in found.jsd.items() if k != "decorrelation"} == {
            k: v.tolist() for k, v in evaluation.oracle[name].jsd.items() if k != "decorrelation"
        }
        assert found.msm == evaluation.oracle[name].msm


def test_short_replicas_are_refused_in_one_sentence(tmp_path):
    short = write_reference(tmp_path / "short", 200)
    with pytest.raises(ShortReference) as caught:
        evaluate_as_published(None, short, "qm9")
    assert str(caught.value).count("needs 5 replicas of 5 ns") == 1 and "1.04 ns (200 frames" in str(caught.value)


def test_what_cannot_be_judged_is_listed_and_the_others_are_judged(tmp_path, reference):
    mixed = write_reference(tmp_path / "mixed", names=("a",))
    write_reference(mixed, 200, names=("b",))
    generated = write_generated(tmp_path / "generated", names=("b", "c"))
    found = evaluate_as_published(generated, mixed, "qm9")
    reasons = {failure["name"]: failure["reason"] for failure in found.failures}
    assert reasons["a"] == "nothing was generated for this molecule." and "a" in found.oracle
    assert "needs 5 replicas of 5 ns" in reasons["b"] and "b" not in found.oracle
    assert reasons["c"] == "there is no reference simulation of this name." and list(found.smiles) == ["a"]


def test_paths_that_do_not_fit_fail_and_leave_the_oracle(tmp_path, reference):
    generated = write_generated(tmp_path / "generated", names=("a",), task="interpolation")
    found = evaluate_as_published(generated, reference, "qm9")
    reasons = {failure["name"]: failure["reason"] for failure in found.failures}
    assert "paths of 101 frames, and these have 500" in reasons["a"]
    assert set(found.oracle) == {"a", "b"} and found.generated == {}
    assert set(evaluate_as_published(generated, reference, "qm9", paths=False).generated) == {"a"}


def comparison(torsion, decorrelation, tica_01) -> PublishedComparison:
    jsd = {"length": np.array([0.1]), "angle": np.array([0.2]), "torsion": np.array(torsion)}
    jsd["decorrelation"] = np.array(decorrelation)
    none = {"generated": [0], "reference": [0]}
    return PublishedComparison(jsd, 0.5, tica_01, 0.25, 3, none, {"length": 0, "angle": 0}, 1, 500, [])


def test_means_are_over_pairs_that_have_a_figure():
    """Torsions .1, .3 and .5 (mean .3); decorrelation .4 and .8 with one missing (.6); one TICA_0,1 of two."""
    found = summarise_as_published(
        {"x": comparison([0.1, 0.3], [0.4, np.nan], None), "y": comparison([0.5], [0.8], 0.7)}
    )
    assert found["torsion"]["mean"] == pytest.approx(0.3) and found["torsion"]["count"] == 3
    assert found["decorrelation"]["mean"] == pytest.approx(0.6) and found["torsions_without_decorrelation"] == 1
    assert found["tica_01"]["mean"] == pytest.approx(0.7) and found["without_tica_01"] == ["x"]
    assert summarise_as_published({}) == {}
