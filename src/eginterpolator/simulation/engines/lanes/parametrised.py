"""A molecule's parameters for the lanes, made once for all that is done with it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.lanes.system import LaneSystem, lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.parameters import GIVEN
from eginterpolator.simulation.protocol import OpenProtocol

DYNAMICS = ("temperature_K", "friction_per_ps", "timestep_fs", "equilibration_ps")
"""Settings of a protocol that no parameter depends on."""

_known: WeakKeyDictionary[Molecule, dict[tuple[Any, ...], LaneSystem]] = WeakKeyDictionary()


def molecule_lanes(molecule: Molecule, protocol: OpenProtocol) -> LaneSystem:
    """The parameters of a molecule by a protocol; a second call for the same object returns what the first one made.

    Charges that are given are read each time.

    Raises
    ------
    InputError
        When the `[md]` packages are missing, or the force field lacks the molecule.
    Unsupported
        As `lane_system`.
    """
    made = _known.setdefault(molecule, {})
    settings = tuple(sorted((name, value) for name, value in protocol.to_dict().items() if name not in DYNAMICS))
    if settings not in made or protocol.charge_model == GIVEN:
        made[settings] = lane_system(build_system(molecule, np.zeros((molecule.n_atoms, 3)), protocol).system)
    return made[settings]
