"""The table of SPEC section 5, A, number by number."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.published_protocol import settings
from eginterpolator.evaluation.published_protocol.settings import protocol_of


def test_the_numbers_of_both_data_sets():
    def numbers(dataset):
        p = protocol_of(dataset)
        lags = (p.tica_lag, p.msm_lag, p.largest_lag, p.largest_lag_generated)
        return p.n_frames, p.windows, *lags, p.task, p.name

    assert numbers("qm9") == (500, 30, 2, 4, 275, 275, "unconditional", "as published, QM9")
    assert numbers("drugs") == (960, 5, 10, 20, 900, 240, "forward", "as published, Drugs")
    assert pytest.approx(13 * 0.4) == settings.FRAME_PS
    assert (settings.REPLICAS, settings.REPLICA_PS, settings.ORACLE_WINDOWS) == (5, 5000.0, 10)
    assert (settings.BINS, settings.MICROSTATES, settings.METASTABLE) == (100, 100, 10)
    assert (settings.DECORRELATION_PS, settings.DECORRELATION_BINS) == ((5.0, 1380.0), 275)
    assert (settings.PATHS, settings.PATH_FRAMES, settings.KINETIC_VARIANCE) == (900, 101, 0.95)


def test_another_data_set_is_refused():
    with pytest.raises(InputError, match=r"no published protocol 'QM8'; choose qm9 or drugs\."):
        protocol_of("QM8")
