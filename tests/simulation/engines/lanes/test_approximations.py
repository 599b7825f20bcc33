"""Every polynomial meets its function."""

from __future__ import annotations

import re

import numpy as np
import pytest

from eginterpolator.simulation.engines.lanes.approximations import APPROXIMATIONS, Approximation, header


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_a_polynomial_in_single_precision_meets_its_function(name):
    approximation = APPROXIMATIONS[name]
    x = np.linspace(approximation.low, approximation.high, 1777).astype(np.float32)
    value = np.zeros_like(x)
    for coefficient in approximation.coefficients()[::-1].astype(np.float32):
        value = value * x + coefficient
    wanted = approximation.function(x.astype(np.float64))
    scale = np.maximum(np.abs(wanted), approximation.scale)
    assert (np.abs(value - wanted) / scale).max() < approximation.tolerance + 5e-7


def test_the_series_of_the_born_sum_is_its_closed_form():
    t = np.linspace(0.05, 0.4, 50)
    closed = (t / (1 - t**2) - np.arctanh(t)) / t**3
    np.testing.assert_allclose(APPROXIMATIONS["FAR"].function(t**2), closed, rtol=1e-9)
    h = 1e-5
    g = lambda r: (0.1 / r / (1 - (0.1 / r) ** 2) - np.arctanh(0.1 / r)) / r  # noqa: E731
    r = 0.1 / t
    slope = (g(r + h) - g(r - h)) / (2 * h) / r
    np.testing.assert_allclose(APPROXIMATIONS["FAR_SLOPE"].function(t**2) * 0.1**3 / r**6, slope, rtol=1e-4)


def test_a_function_that_no_polynomial_meets_is_refused():
    with pytest.raises(ValueError, match="no polynomial"):
        Approximation(lambda x: np.abs(x), -1.0, 1.0, scale=1.0).coefficients()


def test_the_header_holds_all_coefficients():
    found = {name: len(values.split(",")) for name, values in re.findall(r"(\w+)\[\] = \{(.*?)\}", header())}
    assert found == {name: len(each.coefficients()) for name, each in APPROXIMATIONS.items()}
