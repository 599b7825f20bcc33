"""Which engine runs a molecule."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import Engine
from eginterpolator.simulation.protocol import ExplicitProtocol, Protocol

log = logging.getLogger(__name__)

AUTO = "auto"
FALLBACK = "openmm"
"""Runs every protocol on every machine, but the smallest boxes of water."""


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
    """The engine of that name; for `auto` the fastest that can run the molecule here. The log says which, and why.

    Without a box that is lanes, else OpenMM. In water it is OpenMM where it has a GPU, else GROMACS where there is a
    gmx, else OpenMM. A platform other than `auto` belongs to OpenMM where the engine is not named. Why lanes do not
    run a molecule without a box is a warning, once for each reason.

    Raises
    ------
    InputError
        When there is no such engine, it cannot run the molecule or the protocol, or none can.
    """
    if name != AUTO:
        objection = ENGINES.find(name).objection(molecule, protocol)
        if objection:
            raise InputError(f"The engine '{name}' cannot run it: {objection}; use the engine auto.")
        return Chosen(name)
    if platform != "auto":
        return choose_engine(FALLBACK, molecule, protocol)
    if isinstance(protocol, ExplicitProtocol):
        return _in_water(molecule, protocol)
    if objection := ENGINES["lanes"].objection(molecule, protocol):
        _warn(f"{molecule.name}: OpenMM takes it, since lanes cannot: {objection}.")
        return Chosen(FALLBACK)
    if missing := _missing("lanes"):
        _warn(f"OpenMM takes the molecules, since lanes cannot: {missing}")
        return Chosen(FALLBACK)
    return Chosen("lanes", replaceable=True)


@cache
def _warn(text: str) -> None:
    """Log it, the first time."""
    log.warning(text)


def _in_water(molecule: Molecule, protocol: ExplicitProtocol) -> Chosen:
    from eginterpolator.simulation.engines.openmm import gpu_platform

    no_openmm = _objection(FALLBACK, molecule, protocol)
    if not no_openmm and (gpu := gpu_platform()):
        log.info("%s: OpenMM takes it, on %s", molecule.name, gpu)
        return Chosen(FALLBACK)
    no_gromacs = _objection("gromacs", molecule, protocol)
    if not no_gromacs:
        log.info("%s: GROMACS takes it, which is faster than OpenMM on a processor", molecule.name)
        return Chosen("gromacs")
    if no_openmm:
        raise InputError(
            f"No engine can run '{molecule.name}' here. {no_gromacs.rstrip('.')}. {no_openmm.rstrip('.')}."
        )
    log.info("%s: OpenMM takes it on the processor, since GROMACS cannot: %s", molecule.name, no_gromacs)
    return Chosen(FALLBACK)


def _objection(name: str, molecule: Molecule, protocol: Protocol) -> str:
    """Why an engine cannot run a molecule here; empty where it can."""
    return ENGINES[name].objection(molecule, protocol) or _missing(name)


def _missing(name: str) -> str:
    """What an engine lacks on this machine; empty where it lacks nothing."""
    try:
        ENGINES[name].check("auto")
    except InputError as error:
        return str(error)
    return ""
