"""Simulation engines, by name; other packages add theirs in the entry-point group `eginterpolator.engines`."""

from __future__ import annotations

from eginterpolator.machine.registry import Registry
from eginterpolator.simulation.engines.base import Engine

ENGINES: Registry[Engine] = Registry(
    "eginterpolator.engines",
    "simulation engine",
    {
        "lanes": "eginterpolator.simulation.engines.lanes.replicas:LANES",
        "openmm": "eginterpolator.simulation.engines.openmm:OPENMM",
        "gromacs": "eginterpolator.simulation.engines.gromacs.engine:GROMACS",
    },
)
