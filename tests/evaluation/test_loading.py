"""Windows of simulations: whole, thinned and seeded."""

from __future__ import annotations

import numpy as np

from eginterpolator.evaluation import loading
from eginterpolator.evaluation.trajectories import EvaluationConfig


def test_windows_are_whole_thinned_and_seeded():
    replica = np.arange(100.0)[:, None, None] * np.ones((1, 2, 3))
    config = EvaluationConfig(n_frames=10)
    windows = loading.draw_windows([replica], 4, 50, config, np.random.default_rng(0))
    assert {len(w) for w in windows} == {10} and {float(s) for w in windows for s in np.diff(w[:, 0, 0])} == {4.0}
    starts = {float(w[0, 0, 0]) for w in windows}
    assert min(starts) >= 0 and max(starts) <= 63 and len(starts) > 20
    assert [len(w) for w in loading.draw_windows([replica[:30]], 4, 50, config, np.random.default_rng(0))] == [8]
