"""The baselines, each by its own method: symmetries, losses, samplers, and that they learn two molecules."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.data.batches import FrameBatches, Source
from eginterpolator.data.batching import collate_graphs
from eginterpolator.data.frames import build_frames
from eginterpolator.data.store import Record
from eginterpolator.diffusion.process import DDPM, NCSN, NoiseProcess, Preconditioned, SigmoidDDPM, process_from_config
from eginterpolator.diffusion.samplers import SAMPLERS, ancestral, annealed_langevin
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import feature_jsd
from eginterpolator.generation.tasks import GenerationConfig, generate_conformers, generate_trajectories, network_calls
from eginterpolator.models.baselines.autoregressive import joined
from eginterpolator.models.baselines.confgf import pair_noise
from eginterpolator.models.baselines.pairs import edge_vectors, pair_distances, within_hops
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import Model, build_denoiser, load_model, save_model
from eginterpolator.nn.graph_batch import centre
from tests.builders.networks import (
    CHIRAL,
    FRAME_PS,
    frames,
    geometry,
    graph,
    graphs,
    molecule,
    permuted,
    raw,
    relative_error,
    rotations,
    shake,
)

SMALL = {"hidden": 24, "layers": 2}
WIDE = Preconditioned(sigma_data=1.2, log_mean=0.2, log_std=1.2)
SYSTEMS: dict[str, tuple[dict, NoiseProcess, dict, bool]] = {
    "ConfGF": (
        {"class": "ConfGF", **SMALL}, NCSN(levels=12, sigma_min=0.03, sigma_max=3.0),
        {"name": "annealed_langevin", "steps": 12, "options": {"inner": 8, "step": 9e-5}}, False,
    ),
    "GeoDiff": (
        {"class": "GeoDiff", "hidden": 24, "global_layers": 2, "local_layers": 2}, SigmoidDDPM(),
        {"name": "ancestral", "steps": 40}, True,
    ),
    "GeoTDM": (
        {"class": "GeoTDM", **SMALL, "channels": 4, "heads": 2}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
    "AutoregressiveEGNN": (
        {"class": "AutoregressiveEGNN", **SMALL, "channels": 4}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
    "AutoregressiveET": (
        {"class": "AutoregressiveET", **SMALL, "channels": 4, "heads": 2}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
}  # fmt: skip
BY_DISTANCE = ("ConfGF", "GeoDiff")
OVER_TIME = ("GeoTDM", "AutoregressiveEGNN", "AutoregressiveET")
UPDATES = {"ConfGF": 300, "GeoDiff": 150, "GeoTDM": 300, "AutoregressiveEGNN": 150, "AutoregressiveET": 150}
TWO = ["CCOC", "CC(C)O"]
MIRROR = torch.tensor([-1.0, 1.0, 1.0])
TOLERANCE = 1e-4


@cache
def denoiser(kind: str) -> Denoiser:
    """Random weights in every layer."""
    model, process, _, _ = SYSTEMS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = build_denoiser(model, process.config())
    shake(built)
    return built.eval()


@pytest.fixture(params=SYSTEMS)
def kind(request) -> str:
    return request.param


# symmetry


def test_rotation_translation_and_parity(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    base = raw(denoiser(kind), x, batch)
    assert base.abs().max() > 0.05
    for rotation in rotations(2):
        moved = x @ rotation.T + torch.tensor([3.0, -2.0, 5.0])
        assert relative_error(raw(denoiser(kind), moved, batch), base @ rotation.T) < TOLERANCE
    assert relative_error(raw(denoiser(kind), x @ rotations(1)[0].T, batch), base) > 0.1
    mirrored = relative_error(raw(denoiser(kind), x * MIRROR, batch), base * MIRROR)
    assert mirrored < TOLERANCE if kind in BY_DISTANCE else mirrored > 0.01


def test_permutation_and_padding(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    base = raw(denoiser(kind), x, batch)
    order = torch.from_numpy(np.random.default_rng(3).permutation(x.shape[2]))
    assert relative_error(raw(denoiser(kind), x[:, :, order], permuted(batch, order)), base[:, :, order]) < TOLERANCE
    wide = collate_graphs([graph(CHIRAL), graph("CCO")], n_atoms=14, n_triples=6)
    padded = torch.zeros(2, 2, 14, 3)
    padded[0, :, : x.shape[2]] = x
    padded[1, :, :3] = frames("CCO", 2)
    together = raw(denoiser(kind), padded, wide)
    assert relative_error(together[:1, :, : x.shape[2]], base) < TOLERANCE
    assert together[0, :, x.shape[2] :].abs().max() == 0


def test_a_model_folder_rebuilds_each(kind, tmp_path):
    model, process, _, _ = SYSTEMS[kind]
    save_model(tmp_path, denoiser(kind), {"name": kind, "model": model, "process": process.config()})
    loaded = load_model(tmp_path).denoiser
    assert type(loaded) is type(denoiser(kind)) and type(loaded.network).__name__ == kind
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    assert torch.equal(raw(loaded, x, batch), raw(denoiser(kind), x, batch))


# their own methods


def test_edge_scores_become_coordinate_scores_by_the_chain_rule():
    """sum_j s_ij (x_i - x_j)/d_ij is the gradient of sum_{i<j} log N(d_ij; mu, sigma^2) where s is that of d_ij."""
    batch, sigma = graphs(CHIRAL), 0.7
    x = frames(CHIRAL, 1).double().requires_grad_()
    pairs = within_hops(batch, 3)
    distance, unit = pair_distances(x)
    mean = torch.full_like(distance, 1.5)
    score = -(distance - mean) / sigma**2
    half = pairs[:, None].triu(diagonal=1)
    (gradient,) = torch.autograd.grad((-((distance - mean) ** 2) / (2 * sigma**2) * half).sum(), x)
    assert torch.allclose(edge_vectors(score, unit, pairs), gradient, atol=1e-10)


def test_confgf_loss_is_score_matching_on_perturbed_distances():
    """Worked by hand: the network's scores at d + sigma z against -z, mean over the edges of the 3-hop graph."""
    confgf, batch = denoiser("ConfGF").network, graphs(CHIRAL)
    x, sigma = frames(CHIRAL, 1, noise=0.0), torch.tensor([[0.3]])
    z = pair_noise(torch.tensor([[0.25]]), (1, 1, x.shape[2], x.shape[2]))
    assert torch.equal(z, z.transpose(-1, -2)) and z.diagonal(dim1=-2, dim2=-1).abs().max() == 0
    assert not torch.equal(z, pair_noise(torch.tensor([[0.26]]), tuple(z.shape)))
    pairs = within_hops(batch, 3)[0]
    assert 0 < pairs.sum() < pairs.numel() - len(pairs), "some pairs are further apart than three bonds"
    distances = torch.cdist(x[0, 0], x[0, 0])
    with torch.no_grad():
        scores, _ = confgf.edge_scores(distances[None, None] + 0.3 * z, batch)
        wanted = ((scores + z)[0, 0][pairs] ** 2).mean()
        assert confgf.distance_loss(x, sigma, z, batch).item() == pytest.approx(wanted.item(), rel=1e-4)


def test_confgf_does_not_see_the_noise_level():
    x, batch = frames(CHIRAL, 1), graphs(CHIRAL)
    first, second = (raw(denoiser("ConfGF"), x, batch, sigma=sigma) for sigma in (0.1, 3.0))
    assert torch.equal(first, second), "sigma times the score is a function of the distances alone"


def test_geodiff_has_two_encoders_with_two_graphs():
    """Atoms far apart: the cutoff silences the global encoder between molecules' ends, bonds count at any distance."""
    network, batch = denoiser("GeoDiff").network, graphs("CCCCCC")
    spread = torch.arange(6.0)[None, None, :, None] * torch.tensor([12.0, 0.0, 0.0])
    local, nothing = within_hops(batch, 3), torch.zeros(1, 6, 6, dtype=torch.bool)
    distance, unit = pair_distances(spread)
    noise = network.noise(torch.zeros(1, 1))
    with torch.no_grad():
        assert network.everywhere(distance, unit, noise, batch, nothing).abs().max() == 0
        assert network.everywhere(distance, unit, noise, batch, local).abs().max() > 0
        assert network.bonded(distance, unit, noise, batch, local).abs().max() > 0
        x, label = frames("CCCCCC", 1), torch.full((1, 1), 0.4)
        near, direction = pair_distances(x)
        parts = [
            encoder(near, direction, network.noise(label), batch, local)
            for encoder in (network.everywhere, network.bonded)
        ]
        assert torch.allclose(network(x, label, batch), parts[0] + parts[1]) and parts[0].abs().max() > 0


@pytest.mark.parametrize("kind", OVER_TIME)
def test_given_frames_stay_and_matter(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    x = centre(x, batch.mask)
    predicted = torch.tensor([[False, True]])
    sigma = torch.tensor([[0.0, 0.8]])
    with torch.no_grad():
        out = denoiser(kind)(x, sigma, batch, predicted, FRAME_PS)
        other = x.clone()
        other[:, 0] = centre(frames(CHIRAL, 1, seed=9), batch.mask)[:, 0]
        changed = denoiser(kind)(other, sigma, batch, predicted, FRAME_PS)
    assert torch.equal(out[:, 0], x[:, 0]) and torch.equal(changed[:, 0], other[:, 0])
    assert relative_error(changed[:, 1], out[:, 1]) > 1e-3, "the next frame depends on the current one"


@pytest.mark.parametrize("kind", OVER_TIME)
def test_there_is_no_structure_model_inside(kind):
    model = Model(kind, denoiser(kind), {"window": 2, "sampler": SYSTEMS[kind][2]})
    config = GenerationConfig(n_frames=2, strength=0.5, hydrogens=False)
    with pytest.raises(InputError, match="no structure model"):
        generate_trajectories(model, molecule("CCO"), config)


@pytest.mark.parametrize("kind", ("AutoregressiveEGNN", "AutoregressiveET"))
def test_autoregressive_models_see_two_frames(kind):
    with pytest.raises(InputError, match="n_frames: 2"):
        raw(denoiser(kind), frames(CHIRAL, 3), graphs(CHIRAL))


def test_the_joined_graph_holds_both_frames_atoms():
    batch = graphs(CHIRAL)
    both, size = joined(batch, 2), batch.mask.shape[1]
    assert both.mask.shape == (1, 2 * size) and both.codes.shape[1] == 2 * size
    assert torch.equal(both.edges[:, :size, size:], batch.edges) and both.edges[0, 0, size] == 0
    assert torch.equal(both.triples[:, batch.triples.shape[1] :], batch.triples + size)
    assert torch.equal(both.signs, batch.signs.repeat(1, 2))


# noise processes and samplers


def test_sigmoid_process_is_geodiffs():
    process = process_from_config(SigmoidDDPM().config())
    assert type(process) is SigmoidDDPM and process.steps == 5000
    beta = process.betas()
    assert beta[0] == pytest.approx(1e-7 + 2e-3 / (1 + np.exp(6)), rel=1e-3)
    assert beta[2500] == pytest.approx(1e-3, rel=1e-2) and bool((beta.diff() > 0).all())
    assert 10 < process.sigma_max < 15 and type(process_from_config(DDPM().config())) is DDPM


def test_levels_of_the_score_model_are_geometric():
    process = process_from_config(NCSN().config())
    levels = process.levels(50)
    assert levels[0] == pytest.approx(10.0) and levels[49] == pytest.approx(0.01) and levels[50] == 0
    assert torch.allclose(levels[1:50] / levels[:49], levels[1] / levels[0])
    drawn = process.sample_sigma(torch.linspace(1e-5, 1 - 1e-5, 5000))
    assert len(drawn.unique()) == 50
    x, x0, sigma = torch.randn(1, 1, 4, 3), torch.randn(1, 1, 4, 3), torch.tensor([[0.5]])
    assert torch.allclose(process.denoise(process.target(x0, x, sigma), x, sigma), x0, atol=1e-6)


@pytest.mark.parametrize("name", ("annealed_langevin", "ancestral"))
def test_samplers_reach_an_analytic_gaussian(name):
    """The exact denoiser of N(m, s^2) is (s^2 x + sigma^2 m) / (s^2 + sigma^2): samples have its mean and deviation."""
    generator = torch.Generator().manual_seed(0)
    mean, deviation = 1.5, 0.4

    def denoise(x, sigma):
        return (deviation**2 * x + sigma**2 * mean) / (deviation**2 + sigma**2)

    def noise():
        return torch.randn(20000, generator=generator, dtype=torch.float64)

    if name == "ancestral":
        levels = [float(level) for level in SigmoidDDPM().levels(200)]
        x = ancestral(denoise, levels[0] * noise(), levels, noise)
    else:
        levels = [float(level) for level in NCSN(sigma_max=5.0, sigma_min=0.05).levels(20)]
        x = annealed_langevin(denoise, levels[0] * noise(), levels, noise, inner=60, step=1e-4)
        deviation = (deviation**2 + 0.05**2) ** 0.5  # Langevin ends at the smallest level, not at none
    assert x.mean().item() == pytest.approx(mean, abs=0.02)
    assert x.std().item() == pytest.approx(deviation, rel=0.06)
    assert set(SAMPLERS) >= {"annealed_langevin", "ancestral"}


# learning


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
