"""Each baseline learns two molecules with its own loss and sampler."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.data.batches import FrameBatches, Source
from eginterpolator.data.frames import build_frames
from eginterpolator.data.store import Record
from eginterpolator.evaluation.distributions import feature_jsd
from eginterpolator.generation.tasks import GenerationConfig, generate_conformers, generate_trajectories, network_calls
from eginterpolator.models.registry import Model, build_denoiser
from tests.builders.baselines import OVER_TIME, SYSTEMS, denoiser
from tests.builders.networks import FRAME_PS, geometry, molecule

UPDATES = {"ConfGF": 300, "GeoDiff": 150, "GeoTDM": 300, "AutoregressiveEGNN": 150, "AutoregressiveET": 150}
TWO = ["CCOC", "CC(C)O"]


@pytest.fixture(params=SYSTEMS)
def kind(request) -> str:
    return request.param


@cache
def simulated(smiles: str) -> Record:
    """Frames of a molecule that vibrates by 0.1 Å about one geometry: [2, 40, n_atoms, 3]."""
    noise = np.random.default_rng(len(smiles)).standard_normal((2, 40, molecule(smiles).n_atoms, 3))
    moving = (geometry(smiles) + 0.1 * noise).astype(np.float32)
    return Record(smiles.replace("/", "_"), molecule(smiles), None, moving, FRAME_PS, "thermal", "made up")


def trained(kind: str, steps: int) -> tuple[Model, float]:
    """A model after `steps` updates on two molecules, and its loss on the same batches every time."""
    model, process, sampler, align = SYSTEMS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built = build_denoiser(model, process.config())
    source = Source(build_frames([simulated(smiles) for smiles in TWO], 6, 8), 1.0)
    window = 2 if kind.startswith("Auto") else 4 if kind in OVER_TIME else 1
    given = (0.4, 0.6, 0.0) if kind in OVER_TIME else (1.0, 0.0, 0.0)
    batches = FrameBatches([source], 32 // window, window, (1,), given, seed=0, mirror=0.5)
    optimiser = torch.optim.Adam(built.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    for step in range(steps):
        batch = batches.batch(step)
        loss = built.loss(batch, align)[0].sum() / batch.predicted.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(built.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        held = [batches.batch(10**6 + k) for k in range(8)]
        losses = [built.loss(batch, align)[0].sum() / batch.predicted.sum() for batch in held]
    config = {"sampler": sampler, "window": window if kind in OVER_TIME else None, "frame_ps": FRAME_PS}
    return Model(kind, built.eval(), config), float(torch.stack(losses).mean())


def distances(model: Model, kind: str) -> dict[str, float]:
    """Mean JSD over all features of what a model makes of the two molecules."""
    found: dict[str, list[np.ndarray]] = {"length": [], "angle": []}
    for smiles in TWO:
        if kind in OVER_TIME:
            config = GenerationConfig(n_frames=8, n_samples=8, seed=2, hydrogens=False)
            made = [t.positions for t in generate_trajectories(model, molecule(smiles), config)]
        else:
            config = GenerationConfig(seed=2, hydrogens=False)
            made = [generate_conformers(model, molecule(smiles), 64, config).positions]
        heavy = simulated(smiles).trajectories[:, :, : molecule(smiles).n_heavy]
        jsd = feature_jsd(FeatureSet.of(molecule(smiles)), made, list(heavy))
        for name, values in found.items():
            values.append(jsd[name])
    return {name: float(np.concatenate(values).mean()) for name, values in found.items()}


def test_each_learns_two_molecules(kind):
    """The loss and the distributions of what is sampled come far below those of the untrained network."""
    (untrained, before), (model, after) = trained(kind, 0), trained(kind, UPDATES[kind])
    theirs, ours = distances(untrained, kind), distances(model, kind)
    assert after < 0.5 * before
    assert ours["length"] < 0.88 * theirs["length"] and ours["angle"] < 0.88 * theirs["angle"], (theirs, ours)


def test_langevin_steps_are_counted_for_the_progress_bar():
    calls = []
    model = Model("ConfGF", denoiser("ConfGF"), {"sampler": SYSTEMS["ConfGF"][2]})
    config = GenerationConfig(n_frames=1, n_samples=2, strength=0.0, hydrogens=False)
    generate_trajectories(model, molecule("CCO"), config, progress=calls.append)
    assert sum(calls) == network_calls(model, config) == 12 * 8 * 2
