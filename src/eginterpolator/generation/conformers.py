"""Ensembles of a network or of ETKDG, relaxed and ranked where that is asked for, and judged as they are then."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from eginterpolator.chemistry.codes import TEMPERATURE_K
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.generation.sampling import derive_seed
from eginterpolator.generation.tasks import judged
from eginterpolator.simulation.conformers import RankSettings, ranked

ETKDG = "etkdg"
"""Name of RDKit's conformers among the models."""


def etkdg_ensemble(molecule: Molecule, n_conformers: int, seed: int, hydrogens: bool = True) -> ConformerEnsemble:
    """RDKit's conformers, with the meta data that a model's have.

    Raises
    ------
    GenerationError
        When fewer than `n_conformers` can be embedded.
    """
    began = time.perf_counter()
    made = etkdg_conformers(molecule, n_conformers, seed)
    positions = made.positions if hydrogens else made.heavy
    facts = {
        "model": ETKDG,
        "task": "conformers",
        "seed": seed,
        "n_frames": n_conformers,
        "seconds": time.perf_counter() - began,
        **judged(molecule, positions),
    }
    return ConformerEnsemble(molecule, positions, meta=facts)


def refuse_conditions(solvent: str | None, temperature_K: float) -> None:
    """InputError when ETKDG is asked for a solvent or a temperature."""
    if solvent or temperature_K != TEMPERATURE_K:
        raise InputError("ETKDG knows neither solvent nor temperature; leave --solvent and --temperature away.")


def finished_ensemble(ensemble: ConformerEnsemble, ranking: RankSettings, seed: int) -> ConformerEnsemble:
    """The ensemble as `ranked` makes it, judged anew, its seconds with those of the ranking.

    Raises
    ------
    InputError, GenerationError
        As `ranked`.
    """
    if ranking.does_nothing:
        return ensemble
    molecule = ensemble.molecule
    found = ranked(ensemble, ranking, derive_seed(seed, molecule, 0, -4, 0), torch.get_num_threads())
    seconds = round(ensemble.meta["seconds"] + found.meta["ranking"]["seconds"], 3)
    meta = {**found.meta, **judged(molecule, found.positions), "n_frames": len(found), "seconds": seconds}
    return replace(found, meta=meta)
