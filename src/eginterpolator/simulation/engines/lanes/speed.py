"""How long replicas take, from measured speeds: enough to say whether a network or a simulation comes sooner."""

from __future__ import annotations

import os
from importlib.util import find_spec

from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.system import MAX_ATOMS

PREPARE_SECONDS = 4.0
"""Charges, force field and starts of the first molecule of a process, and the imports that they need."""
STEP_MICROSECONDS = (1.0, 0.05, 0.0175)
"""Of a step of all lanes with n atoms: a + b n + c n^2 (one core with AVX-512; benchmarks/results/lanes.md)."""
RELATIVE = {16: 1.0, 8: 0.75, 4: 0.9}
"""Time of a step with fewer lanes, beside that with 16."""


def estimated_seconds(n_atoms: int, replicas: int, ns: float, timestep_fs: float = 4.0) -> float | None:
    """Wall-clock seconds of `replicas` of `ns` nanoseconds in implicit solvent on this machine.

    None where lanes cannot run them: without the packages of `[md]`, on another processor, or with too many atoms.
    Within a factor of two on processors like those that were measured.
    """
    width = max(widths(), default=0)
    if not width or n_atoms > MAX_ATOMS or find_spec("openmm") is None or find_spec("openff") is None:
        return None
    a, b, c = STEP_MICROSECONDS
    step = 1e-6 * (a + b * n_atoms + c * n_atoms**2) * RELATIVE[width]
    blocks = -(-replicas // width)
    rounds = -(-blocks // max(1, os.cpu_count() or 1))
    return PREPARE_SECONDS + rounds * step * ns * 1e6 / timestep_fs
