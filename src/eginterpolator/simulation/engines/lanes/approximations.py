"""Polynomials that stand for functions in the engine: made when it is compiled, each of the lowest degree that does.

They interpolate at Chebyshev points, which is within a small factor of the best polynomial of that degree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

FAR_LIMIT = 0.4
"""Largest s/r, of scaled radius and distance, for which the series of the Born sum is used."""


@dataclass(frozen=True)
class Approximation:
    """A function on [low, high], to be met within `tolerance` of its value, or of `scale` where that is larger."""

    function: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    tolerance: float = 2e-7
    scale: float = 0.0

    def coefficients(self) -> np.ndarray:
        """Monomial coefficients, float64 [degree + 1], from the constant on."""
        x = np.linspace(self.low, self.high, 4001)
        wanted = self.function(x)
        for degree in range(1, 16):
            middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
            points = chebyshev.chebpts1(degree + 1)
            fit = chebyshev.chebfit(points, self.function(middle + half * points), degree)
            inner = np.polynomial.Polynomial(chebyshev.cheb2poly(fit))
            outer = inner(np.polynomial.Polynomial([-middle / half, 1 / half]))
            if (np.abs(outer(x) - wanted) <= self.tolerance * np.maximum(np.abs(wanted), self.scale)).all():
                return np.asarray(outer.coef)
        raise ValueError("no polynomial of degree 15 or less is good enough")


def _of_square(function: Callable[[np.ndarray], np.ndarray], at_zero: float) -> Callable[[np.ndarray], np.ndarray]:
    """An odd function f as f(z)/z of z^2, near 0 by its limit."""

    def even(square: np.ndarray) -> np.ndarray:
        z = np.sqrt(np.maximum(square, 1e-12))
        return np.where(square < 1e-9, at_zero, function(z) / z)

    return even


def _far(u: np.ndarray) -> np.ndarray:
    """(t/(1 - t^2) - artanh t) / t^3 of u = t^2, by its series."""
    terms = [2 * k / (2 * k + 1) * u ** (k - 1) for k in range(1, 60)]
    return np.asarray(sum(terms))


APPROXIMATIONS = {
    "EXP2": Approximation(np.exp2, -0.5, 0.5),
    "LOG1P": Approximation(lambda x: np.where(np.abs(x) < 1e-9, 1.0, np.log1p(x) / x), 0.5**0.5 - 1, 2**0.5 - 1, 5e-7),
    "ATAN": Approximation(_of_square(np.arctan, 1.0), 0.0, 1.0, 1e-7),
    "ATANH": Approximation(_of_square(np.arctanh, 1.0), 0.0, 0.5, 5e-7),
    "SIN_PI": Approximation(_of_square(lambda z: np.sin(np.pi * z), np.pi), 0.0, 0.25, 1e-6),
    "COS_PI": Approximation(lambda square: np.cos(np.pi * np.sqrt(np.abs(square))), 0.0, 0.25, 1e-6, 1.0),
    "FAR": Approximation(_far, 0.0, FAR_LIMIT**2, 1e-6),
    "FAR_SLOPE": Approximation(lambda u: -_far(u) - 2 / (1 - u) ** 2, 0.0, FAR_LIMIT**2, 1e-6),
}


def header() -> str:
    """coefficients.h."""
    lines = ["#pragma once"]
    for name, approximation in APPROXIMATIONS.items():
        values = ", ".join(f"{value:.9g}f" if "." in f"{value:.9g}" or "e" in f"{value:.9g}" else f"{value:.1f}f"
                           for value in approximation.coefficients())  # fmt: skip
        lines.append(f"alignas(64) static const float {name}[] = {{{values}}};")
    return "\n".join([*lines, ""])
