"""The Python side of `egi generate` and `egi conformers`: one molecule in, arrays in memory out."""

from __future__ import annotations

import logging
import os
from typing import Any

from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.given import read_given
from eginterpolator.errors import InputError, shortened
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.matching import misfit
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from eginterpolator.generation.config import GenerationConfig, in_solvent
from eginterpolator.generation.conformers import ETKDG, etkdg_ensemble, finished_ensemble, refuse_conditions
from eginterpolator.generation.quality import quality_warnings
from eginterpolator.generation.tasks import generate_conformers, generate_trajectories, resolve_device
from eginterpolator.models.choice import AUTO, Choice, Models
from eginterpolator.models.registry import Model
from eginterpolator.simulation.conformers import RankSettings

log = logging.getLogger(__name__)

AnyMolecule = str | Molecule | Chem.Mol


def generate(
    molecule: AnyMolecule,
    n_frames: int = 500,
    seed: int = 0,
    model: str | os.PathLike[str] | Model = AUTO,
    **settings: Any,
) -> Trajectory:
    """One trajectory of a molecule.

    Parameters
    ----------
    molecule : str, Molecule or rdkit.Chem.Mol
        A SMILES with its stereo defined, or a molecule.
    n_frames : int
        Frames, given ones included; their spacing is the model's (5.2 ps for the shipped ones).
    seed : int
        Equal seeds give equal trajectories.
    model : str, path or Model
        Name of a shipped model, a checkpoint folder, a loaded model, or `auto`: the shipped one that fits.
    settings
        As `generate_samples` takes them.

    Returns
    -------
    Trajectory
        All atoms, float32 [n_frames, n_atoms, 3] Å. Its `meta` says under `warnings` what of the molecule is new to the
        model, and what is wrong with the frames; the log has it as well.

    Raises
    ------
    InputError, GenerationError
        As `generate_samples`.
    """
    return generate_samples(molecule, 1, n_frames, seed, model, **settings)[0]


def generate_samples(
    molecule: AnyMolecule,
    n_samples: int,
    n_frames: int = 500,
    seed: int = 0,
    model: str | os.PathLike[str] | Model = AUTO,
    *,
    start: Any = None,
    end: Any = None,
    force: bool = False,
    solvent: str | None = None,
    clock: str = "auto",
    thermalise_ps: float | None = None,
    **settings: Any,
) -> list[Trajectory]:
    """Several trajectories of a molecule; by the network's clock sample k is the same whatever `n_samples`.

    Parameters
    ----------
    molecule, n_frames, seed, model
        As `generate` takes them.
    start, end : array [n_atoms, 3] or [n_heavy, 3], or path, optional
        Given first and last frame: Å, in the order of `Molecule.rdmol` (heavy atoms first); or a file, as
        `data.given.read_given` takes it. `start` alone makes a forward simulation, both make an interpolation.
    force : bool
        Take molecules outside of what the model was trained on.
    solvent : 'water', 'implicit' or 'none', optional
        Where no model knows explicit water, implicit water stands for it, and a warning says so.
    clock : {'auto', 'network', 'measured'}
        What puts unconditional frames in order: by default a clock that seconds of MD of the molecule itself measure,
        where `[md]` is installed (docs/clock.md), and elsewhere the network. Frames of a measured clock are one pool:
        sample k then depends on `n_samples`.
    thermalise_ps : float, optional
        Picoseconds of dynamics from each frame, at most 1; by default .5 with a measured clock, and 0 without one.
    settings
        Further fields of `GenerationConfig`: steps, sampler, strength, hydrogens, device, precision, batch, ensemble,
        temperature_K, clock_seconds, frame_ps.

    Raises
    ------
    InputError
        For a molecule, model or setting that cannot be used.
    GenerationError
        When a sample stays non-finite.
    """
    chosen = _molecule(molecule)
    first, last = (None if x is None else _given(x, chosen) for x in (start, end))
    task = "unconditional" if start is None else ("forward" if end is None else "interpolation")
    if start is None and end is not None:
        raise InputError("An end frame needs a start frame as well.")
    config = GenerationConfig(
        n_samples=n_samples,
        n_frames=n_frames,
        seed=seed,
        task=task,
        clock=clock,
        thermalise_ps=thermalise_ps,
        **settings,
    )
    choice, config = _choice(model, config, chosen, force, solvent)
    trajectories = generate_trajectories(choice.model, chosen, config, first, last)
    for trajectory in trajectories:
        _warn(chosen, choice, trajectory.meta)
    return trajectories


def conformers(
    molecule: AnyMolecule,
    n_conformers: int = 50,
    seed: int = 0,
    model: str | os.PathLike[str] | Model = AUTO,
    *,
    energies: str = "none",
    window_kcal: float | None = None,
    prune_rmsd: float | None = None,
    clusters: str | float | None = None,
    populations_at: float | None = None,
    relax_in: str | None = None,
    populations: str = "minima",
    force: bool = False,
    solvent: str | None = None,
    **settings: Any,
) -> ConformerEnsemble:
    """Independent structures of a molecule, [n_conformers, n_atoms, 3] Å: the structure model alone (strength 0).

    With `energies` they are relaxed, sorted by energy, without duplicates, weighed and in clusters
    (docs/conformers.md), so that there are fewer than `n_conformers`: `table` and `clusters` of the ensemble tell.

    Parameters
    ----------
    molecule, seed, force, solvent
        As `generate_samples` takes them.
    n_conformers : int
        Structures that are generated.
    model : str, path or Model
        As `generate` takes it, or 'etkdg': RDKit's.
    energies : {'none', 'sage', 'gfn2', 'mmff'}
        What relaxes and ranks the structures.
    window_kcal, prune_rmsd, clusters, relax_in, populations
        As `RankSettings.of` takes them: kcal/mol above the lowest (6), Å within which one is a duplicate (.125), a
        number of clusters or their radius in Å (.5), the solvent they are relaxed in, 'minima' or 'thermal'.
    populations_at : float
        Temperature of the populations, K (298.15).
    settings
        Further fields of `GenerationConfig`; `ensemble="minimum"` gives minima, which have no solvent.

    Raises
    ------
    InputError
        For a molecule, model or setting that cannot be used.
    GenerationError
        When a structure stays non-finite, or none is left.
    """
    chosen = _molecule(molecule)
    ranking = RankSettings.of(
        energies, window_kcal=window_kcal, prune_rmsd=prune_rmsd, clusters=clusters, temperature_K=populations_at,
        solvent=relax_in, populations=populations,
    )  # fmt: skip
    config = GenerationConfig(seed=seed, n_frames=1, strength=0.0, **settings)
    ranking.require(config.hydrogens)
    if model == ETKDG:
        refuse_conditions(solvent, config.temperature_K)
        return finished_ensemble(etkdg_ensemble(chosen, n_conformers, seed, config.hydrogens), ranking, seed)
    choice, config = _choice(model, config, chosen, force, solvent)
    ensemble = finished_ensemble(generate_conformers(choice.model, chosen, n_conformers, config), ranking, seed)
    _warn(chosen, choice, ensemble.meta)
    return ensemble


def _molecule(molecule: AnyMolecule) -> Molecule:
    if isinstance(molecule, Molecule):
        return molecule
    if isinstance(molecule, str):
        return Molecule.from_smiles(molecule)
    return Molecule.from_rdkit(molecule)


def _given(source: Any, molecule: Molecule) -> Endpoint:
    if isinstance(source, str | os.PathLike):
        return read_given(source, molecule)
    endpoint = Endpoint.of(source, molecule)
    if reason := misfit(molecule, endpoint.positions):
        raise InputError(f"A given frame is no structure of {shortened(molecule.smiles)} in its order: {reason}.")
    return endpoint


def _choice(
    model: str | os.PathLike[str] | Model,
    config: GenerationConfig,
    molecule: Molecule,
    force: bool,
    solvent: str | None,
) -> tuple[Choice, GenerationConfig]:
    """The molecule's model, and the config with the ensemble of the solvent."""
    models = Models.of(model) if isinstance(model, Model) else Models.load(model, resolve_device(config.device))
    config, models = in_solvent(config, models, solvent)
    choice = models.under(config.ensemble, config.temperature_K, config.independent).choose(molecule, force)
    for sentence in choice.warnings:
        log.warning("%s: %s", molecule.name, sentence)
    return choice, config


def _warn(molecule: Molecule, choice: Choice, meta: dict[str, Any]) -> None:
    """Put what is to be said of a result into its meta data, and what is wrong with it into the log as well."""
    bad = quality_warnings(meta)
    meta["warnings"] = [*choice.warnings, *bad]
    for sentence in bad:
        log.warning("%s: %s", molecule.name, sentence)
