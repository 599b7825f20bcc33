"""The published figures, in the units of our tables."""

from __future__ import annotations

from eginterpolator.evaluation.published import published_beside, published_conformers, published_trajectories


def test_published_figures_stand_at_their_threshold_and_their_task_alone():
    assert published_conformers("qm9", 0.5)["BasicES"]["cov_r"] == {"mean": 0.8038, "median": 0.8212}
    assert published_conformers("drugs", 0.75) == {} and published_trajectories("qm9", "forward") == {}
    figures = published_trajectories("drugs", "forward")
    assert figures["EGInterpolator"]["tica_01"] == {"mean": 0.650, "median": 0.644}
    assert "decorrelation" not in figures["GeoTDM"] and figures["EGInterpolator -N"]["angle"] == {"mean": 0.332}


def test_the_rows_beside_ours_are_generated_and_oracle():
    for dataset, task in (("qm9", "unconditional"), ("drugs", "forward")):
        generated, oracle = published_beside(dataset).values()
        rows = published_trajectories(dataset, task)
        assert generated == rows["EGInterpolator"] and oracle == rows["MD oracle"]
