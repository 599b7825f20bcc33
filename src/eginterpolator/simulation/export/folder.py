"""A folder with what another engine needs to go on: the system, its coordinates, the settings, and what it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.folder import appearing_folder
from eginterpolator.files.io import write_json
from eginterpolator.files.sdf import atom_map_of, write_sdf
from eginterpolator.simulation.api import finished_folder, package_versions, replica_seed
from eginterpolator.simulation.equilibrated import equilibrated_starts
from eginterpolator.simulation.export.amber import write_amber
from eginterpolator.simulation.export.gromacs import write_gromacs
from eginterpolator.simulation.export.openmm import write_openmm
from eginterpolator.simulation.export.settings import RunLength
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import Protocol
from eginterpolator.simulation.starts import start_conformers

Writer = Callable[[Path, Molecule, SimulationSystem, Protocol, RunLength], list[str]]
"""Writes its files into a folder; returns what a user must know of them, in sentences."""
WRITERS: dict[str, Writer] = {"gromacs": write_gromacs, "openmm": write_openmm, "amber": write_amber}


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What is exported, and how long a run its settings are for.

    Attributes
    ----------
    form : str
        One of `WRITERS`.
    ns, save_ps : float
    seed : int
    """

    form: str
    ns: float = 5.0
    save_ps: float = 0.4
    seed: int = 0

    def check(self, protocol: Protocol) -> RunLength:
        """InputError when there is no such form, or `ns` holds no frame."""
        if self.form not in WRITERS:
            raise InputError(f"'{self.form}' is nothing to export for; choose one of {', '.join(WRITERS)}.")
        return RunLength.of(self.ns, self.save_ps, self.seed, protocol)


def export_to_folder(
    molecule: Molecule,
    out: str | os.PathLike[str],
    protocol: Protocol,
    settings: ExportSettings,
    *,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the system of `molecule` into `out/<name>/`: in a box of water for the explicit protocol, else alone.

    The first start of `egi simulate` with the same seed is its structure. `meta.json` holds every setting, force field
    and charges among them, and `notes`: where the engine differs from the protocol.

    Returns
    -------
    dict
        The folder's meta data, with `resumed` true when it was there.

    Raises
    ------
    InputError
        When the force field or the engine cannot take the molecule or the box, or another folder is in the way.
    """
    length = settings.check(protocol)
    wanted = {
        **molecule.named, "protocol": protocol.to_dict(), "export": settings.form, "ns": settings.ns,
        "save_ps": settings.save_ps, "seed": settings.seed,
    }  # fmt: skip
    folder = Path(out) / molecule.name
    if not overwrite and (before := finished_folder(folder, molecule, wanted)) is not None:
        return {**before, "resumed": True}
    seed = replica_seed(molecule, settings.seed, 1)
    conformers = start_conformers(molecule, 1, replica_seed(molecule, settings.seed, 0))
    starts, origins = equilibrated_starts(molecule, conformers, protocol, [seed])
    system = build_system(molecule, starts[0], protocol, seed)
    with appearing_folder(folder) as building:
        notes = WRITERS[settings.form](building, molecule, system, protocol, length)
        write_sdf(building / "molecule.sdf", molecule, np.asarray(starts))
        meta = {
            **wanted, **protocol.conditions.to_meta(), "name": molecule.name, "n_atoms": molecule.n_atoms,
            "n_heavy": molecule.n_heavy, "n_particles": len(system.positions), "starts": origins, "notes": notes,
            "versions": package_versions(),
        }  # fmt: skip
        write_json(building / "meta.json", {**meta, **atom_map_of(molecule, molecule.n_atoms)})
    return {**meta, "resumed": False}
