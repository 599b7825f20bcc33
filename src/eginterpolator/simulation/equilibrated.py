"""Starts of explicit water from equilibrium: each replica first runs in implicit solvent, in lanes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, shortened
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import Replica
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, Protocol

log = logging.getLogger(__name__)

CONFORMERS = "conformers of ETKDG and MMFF94s"


def equilibrated_starts(
    molecule: Molecule, starts: np.ndarray, protocol: Protocol, seeds: Sequence[int], threads: int | None = None
) -> tuple[np.ndarray, list[str]]:
    """Where replicas in explicit water start, and what these structures are.

    From each of the starts [R, n_atoms, 3] Å a replica runs `obc2_start_ps` in OBC2 with the protocol's force field,
    charges and temperature, so that slow wells are populated as implicit water has them; its last frame is the start.
    Where lanes cannot run the molecule, or a replica of theirs goes wrong, the start stays as it was, and the text and
    the log say so. Protocols without water take the starts as they are.

    Parameters
    ----------
    seeds : sequence of int
        One a replica. Lanes that run beside one another round alike, so give all replicas of a run for the same starts.
    threads : int, optional
        Of the lanes.

    Returns
    -------
    float64 [R, n_atoms, 3], list of str
        Å, and in words where each comes from.
    """
    starts = np.array(starts, dtype=np.float64)
    if not isinstance(protocol, ExplicitProtocol) or not protocol.obc2_start_ps:
        return starts, [CONFORMERS] * len(starts)
    implicit = ImplicitProtocol(
        force_field=protocol.force_field,
        charge_model=protocol.charge_model,
        temperature_K=protocol.temperature_K,
        hydrogen_mass_amu=protocol.hydrogen_mass_amu,
    )
    lanes, ps = ENGINES["lanes"], protocol.obc2_start_ps
    reason = lanes.objection(molecule, implicit)
    made = []
    if not reason:
        try:
            lanes.check("auto")
            made = list(lanes.replicas(molecule, implicit, starts, seeds, ns=ps / 1000, save_ps=ps, threads=threads))
        except EGIError as error:
            reason = str(error)
    if reason:
        log.warning("%s: replicas start from %s, since lanes cannot: %s", molecule.name, CONFORMERS, reason)
        return starts, [f"{CONFORMERS} (lanes cannot: {shortened(reason)})"] * len(starts)
    told = []
    for k, result in enumerate(made):
        if isinstance(result, Replica):
            starts[k] = result.positions[-1]
            told.append(f"after {ps:g} ps in OBC2, lanes")
        else:
            log.warning("%s: replica %d starts from %s: %s", molecule.name, k, CONFORMERS, result)
            told.append(f"{CONFORMERS} ({shortened(str(result))})")
    return starts, told
