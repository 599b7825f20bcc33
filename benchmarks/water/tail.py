"""What the Lennard-Jones energy beyond the cutoff is, and how the engines count pairs for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy.integrate import quad


def dispersion_tail(force: Any, volume_nm3: float) -> dict[str, float]:
    """Energy, kJ/mol, that a switched Lennard-Jones potential leaves out, in a uniform density.

    `N^2 / 2V` times the mean over pairs of `4 pi int r^2 (U - S U) dr`, where S is the switch, zero beyond the cutoff.
    The engines differ in the pairs of the mean: `OpenMM` takes all `i <= j`, an atom with itself too; `GROMACS` takes
    `i < j` without the pairs that the topology excludes.

    Parameters
    ----------
    force : openmm.NonbondedForce
    volume_nm3 : float
    """
    parameters = [force.getParticleParameters(k)[1:] for k in range(force.getNumParticles())]
    kinds = [(float(sigma._value), float(epsilon._value)) for sigma, epsilon in parameters]
    cutoff, switch = force.getCutoffDistance()._value, force.getSwitchingDistance()._value
    known: dict[tuple[Any, Any], float] = {}

    def left_out(a: tuple[float, float], b: tuple[float, float]) -> float:
        if (a, b) not in known:
            known[a, b] = _left_out((a[0] + b[0]) / 2, (a[1] * b[1]) ** 0.5, switch, cutoff)
        return known[a, b]

    counts = Counter(kinds)
    ordered = sum(left_out(a, b) * n * m for a, n in counts.items() for b, m in counts.items())
    itself = sum(left_out(a, a) * n for a, n in counts.items())
    excluded = [force.getExceptionParameters(k)[:2] for k in range(force.getNumExceptions())]
    excluded_sum = sum(left_out(kinds[i], kinds[j]) for i, j in excluded)
    n = len(kinds)
    means = {
        "OpenMM": (ordered + itself) / (n * (n + 1)),
        "GROMACS": ((ordered - itself) / 2 - excluded_sum) / (n * (n - 1) / 2 - len(excluded)),
    }
    return {engine: n * n / (2 * volume_nm3) * mean for engine, mean in means.items()}


def _left_out(sigma: float, epsilon: float, switch: float, cutoff: float) -> float:
    """`4 pi int r^2 (U - S U) dr` of a pair, kJ/mol nm^3."""
    if not epsilon:
        return 0.0

    def energy(r: float) -> float:
        return 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)

    def off(r: float) -> float:
        x = (r - switch) / (cutoff - switch)
        return x**3 * (10 - 15 * x + 6 * x**2)

    near = quad(lambda r: r * r * energy(r) * off(r), switch, cutoff)[0]
    beyond = quad(lambda r: r * r * energy(r), cutoff, np.inf)[0]
    return float(4 * np.pi * (near + beyond))
