"""Windows counted: where they start, how many there are, and what is too short for them."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.published_protocol.settings import METRICS, protocol_of
from eginterpolator.evaluation.published_protocol.windows import (
    Series,
    ShortReference,
    check_replicas,
    count_starts,
    draw_starts,
    generator_of,
)

QM9, DRUGS = protocol_of("qm9"), protocol_of("drugs")


def test_starts_of_12500_saved_frames():
    """500 x 13 = 6,500 of 12,500 frames: starts 0 to 5,998 (SPEC). 960 x 13 = 12,480: 0 to 18."""
    assert count_starts(12_500, 13, 500) - 1 == 5_998
    assert count_starts(12_500, 13, 960) - 1 == 18
    assert count_starts(3_846, 4, 500) == 3_846 - 2_000 - 1  # 1.3 ps
    assert count_starts(6_501, 13, 500) == count_starts(100, 13, 500) == 0


def test_every_start_comes_once_and_all_of_them_may_come():
    """19 starts drawn of 19 places are each place once; 5 of 19 are five different ones."""
    random = np.random.default_rng(0)
    assert sorted(draw_starts(12_500, 13, 960, 19, random)) == list(range(19))
    assert sorted(draw_starts(12_500, 13, 960, 100, random)) == list(range(19))
    assert len(set(draw_starts(12_500, 13, 960, 5, random))) == 5


def test_windows_of_a_replica_have_the_frames_that_they_should():
    """Frame t of the replica holds the number t: a window from s is s, s + 13, ... s + 13 x 499."""
    replica = np.arange(12_500.0)[:, None]
    windows = Series([replica, replica + 20_000], 13).windows(500, 30, np.random.default_rng(1))
    assert len(windows) == 60 and all(window.shape == (500, 1) for window in windows)
    for window in windows:
        assert (window[:, 0] - window[0, 0] == 13 * np.arange(500)).all() and window[0, 0] % 20_000 <= 5_998
    assert len({float(window[0, 0]) for window in windows}) == 60
    assert sum(window[0, 0] >= 20_000 for window in windows) == 30


def test_each_metric_of_each_molecule_has_starts_of_its_own():
    drawn = {
        (seed, metric, smiles): tuple(draw_starts(12_500, 13, 500, 30, generator_of(seed, metric, smiles)))
        for seed in (0, 1)
        for metric in METRICS
        for smiles in ("CCO", "CCN")
    }
    assert len(set(drawn.values())) == 2 * len(METRICS) * 2
    again = draw_starts(12_500, 13, 500, 30, generator_of(0, "tica", "CCO"))
    assert tuple(again) == drawn[0, "tica", "CCO"]


@pytest.mark.parametrize(
    ("lengths", "stride"),
    [([12_500] * 5, 13), ([3_846] * 5, 4), ([961] * 5, 1), ([25_000] * 5, 26)],
)
def test_five_nanoseconds_at_any_spacing_that_fits_are_enough(lengths, stride):
    assert check_replicas(lengths, stride, QM9, "x") == []


def test_what_is_too_short_is_refused_in_one_sentence():
    """800 frames of 1.3 ps are 1.04 ns."""
    with pytest.raises(ShortReference) as caught:
        check_replicas([800, 900, 2_000], 4, QM9, "'runs/a'")
    said = str(caught.value)
    assert "needs 5 replicas of 5 ns (12,500 frames of 0.4 ps" in said
    assert "'runs/a' has 3, the shortest of 1.04 ns (800 frames of 1.3 ps)" in said
    assert said.count(". ") == 0 and said.endswith(".")


@pytest.mark.parametrize("lengths", [[3_846] * 4, [3_846] * 4 + [3_844], [3_844] + [3_846] * 5, []])
def test_fewer_than_five_replicas_or_one_that_is_short_will_not_do(lengths):
    """3,844 frames of 1.3 ps are 4.997 ns."""
    with pytest.raises(ShortReference):
        check_replicas(lengths, 4, QM9, "x")


def test_what_departs_from_the_protocol_is_noted():
    assert check_replicas([12_500] * 5 + [10], 13, QM9, "x") == [
        "The first 5 of 6 replicas are used, as many as the protocol has."
    ]
    (note,) = check_replicas([3_846] * 5, 4, DRUGS, "x")  # 3,846 - 960 x 4 - 1 = 5 places, and the oracle takes 10
    assert "may start in 5 places of a replica, fewer than the 10" in note
    assert check_replicas([12_500] * 5, 13, DRUGS, "x") == []
