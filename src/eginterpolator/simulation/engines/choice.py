"""Which engine runs a molecule."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import Engine
from eginterpolator.simulation.protocol import OpenProtocol, Protocol

log = logging.getLogger(__name__)

AUTO = "auto"
FALLBACK = "openmm"
"""Runs every protocol on every machine."""


@dataclass(frozen=True)
class Chosen:
    """An engine by name, and whether the fallback may take its place."""

    name: str
    replaceable: bool = False

    @property
    def engine(self) -> Engine:
        """The engine."""
        return ENGINES.find(self.name)


def choose_engine(name: str, molecule: Molecule, protocol: Protocol, platform: str = "auto") -> Chosen:
    """The engine of that name; for `auto` lanes where it can run the molecule here, else OpenMM.

    A platform other than `auto` belongs to OpenMM where the engine is not named. Why lanes do not run a molecule
    without a box is a warning, once for each reason.

    Raises
    ------
    InputError
        When there is no such engine, or it cannot run the molecule or the protocol.
    """
    if name != AUTO:
        objection = ENGINES.find(name).objection(molecule, protocol)
        if objection:
            raise InputError(f"The engine '{name}' cannot run it: {objection}; use the engine auto.")
        return Chosen(name)
    if platform != "auto":
        return Chosen(FALLBACK)
    engine = ENGINES["lanes"]
    objection = engine.objection(molecule, protocol)
    if objection:
        _say(f"{molecule.name}: OpenMM takes it, since lanes cannot: {objection}.", isinstance(protocol, OpenProtocol))
        return Chosen(FALLBACK)
    try:
        engine.check("auto")
    except InputError as error:
        _say(f"OpenMM takes the molecules, since lanes cannot: {error}", True)
        return Chosen(FALLBACK)
    return Chosen("lanes", replaceable=True)


@cache
def _say(text: str, warning: bool) -> None:
    """Log it, the first time."""
    log.log(logging.WARNING if warning else logging.INFO, text)
