"""Slow motions against deeptime and against processes whose times are known."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.kinetics import decorrelation_histograms, decorrelation_times, fit_tica, projection_jsd
from tests.builders.conformers import two_wells


def test_tica_is_deeptimes():
    from deeptime.decomposition import TICA

    data = [two_wells(400, k) for k in range(3)]
    tica = fit_tica(data)
    direct = TICA(lagtime=2, scaling=None, dim=2).fit_fetch([*data])
    assert tica is not None
    assert np.allclose(np.abs(tica.project(data[0])[:, :2]), np.abs(direct.transform(data[0])), atol=1e-6)
    assert np.allclose(tica.autocorrelations[:2], direct.singular_values[:2], atol=1e-8)
    assert tica.project(np.concatenate(data))[:, 0].std() == pytest.approx(1, abs=0.05)


def test_projections_share_one_range():
    ours, theirs = np.zeros((10, 2)), np.ones((30, 2))
    assert projection_jsd(ours, theirs) == pytest.approx((np.sqrt(np.log(2)),) * 2)
    assert projection_jsd(theirs, theirs[:5]) == (0, 0)
    assert projection_jsd(ours[:, :1], theirs[:, :1])[1] is None


@pytest.mark.parametrize("frames", [5.0, 20.0, 60.0])
def test_decorrelation_time_of_an_autoregressive_torsion(frames):
    random = np.random.default_rng(3)
    factor = np.exp(-1 / frames)
    noise = random.normal(0, 0.2 * np.sqrt(1 - factor**2), (40_000, 4))
    values = np.zeros_like(noise)
    for t in range(1, len(values)):
        values[t] = factor * values[t - 1] + noise[t]
    assert decorrelation_times(values, 5.2) / 5.2 == pytest.approx(frames, rel=0.2)


def test_torsions_that_never_decorrelate_count_in_the_last_bin():
    assert np.isinf(decorrelation_times(np.full((50, 1), 1.2), 5.2)).all()
    counts = decorrelation_histograms(np.array([[np.inf, 1.0], [2000.0, 5.2], [1380.0, 10.1]]))
    assert counts.shape == (2, 275) and counts[0, -1] == 3 and counts[1, :2].tolist() == [2, 1]


def test_frozen_torsions_are_too_rigid():
    assert fit_tica([np.ones((50, 4))]) is None and fit_tica([np.zeros((2, 4))]) is None and fit_tica([]) is None


def test_a_fixed_number_of_components_is_kept():
    data = [two_wells(400, k) for k in range(3)]
    whole, two = fit_tica(data), fit_tica(data, components=2)
    assert whole.components.shape == (4, 4) and two.components.shape == (4, 2)
    assert np.allclose(two.kinetic_map(data[0]), whole.project(data[0])[:, :2] * whole.autocorrelations[:2])
    assert whole.kinetic_map(data[0]).shape[1] == int(
        np.searchsorted(np.cumsum(whole.autocorrelations**2) / (whole.autocorrelations**2).sum(), 0.95) + 1
    )
