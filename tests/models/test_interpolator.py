"""Interpolators: strength and alpha, conditioning frames, coupling of frames, what is trained."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from eginterpolator.diffusion.process import DDPM, Preconditioned
from eginterpolator.models.denoiser import InterpolatorDenoiser, NoisyFrames
from eginterpolator.models.interpolator import Mixer
from eginterpolator.models.registry import build_denoiser
from eginterpolator.nn.batch import Batch
from eginterpolator.nn.graph_batch import centre
from eginterpolator.training.module import DenoiserModule, OptimiserConfig
from tests.builders.networks import (
    CHIRAL,
    FRAME_PS,
    INTERPOLATORS,
    MODELS,
    all_predicted,
    frames,
    graphs,
    network,
    raw,
    relative_error,
)

T = 5
SEEN = 1e-4  # a hundred times what rounding changes


@pytest.fixture(params=INTERPOLATORS)
def denoiser(request):
    return network(request.param)


def mixers(denoiser: InterpolatorDenoiser) -> list[Mixer]:
    return [module for module in denoiser.modules() if isinstance(module, Mixer)]


def conditioned(x: Tensor, *given: int) -> Tensor:
    predicted = all_predicted(x)
    predicted[:, list(given)] = False
    return predicted


@torch.no_grad()
def denoised(denoiser, x: Tensor, predicted: Tensor, sigma: float = 0.6, frame_ps: float = FRAME_PS) -> Tensor:
    levels = torch.where(predicted, torch.full(x.shape[:2], sigma), torch.zeros(()))
    return denoiser(x, levels, graphs(CHIRAL), predicted, frame_ps)


@pytest.mark.parametrize("process", [Preconditioned(), DDPM()], ids=["preconditioned", "ddpm"])
@pytest.mark.parametrize("sigma", [0.02, 0.6, 9.0])
def test_strength_zero_is_the_structure_model_bit_for_bit(denoiser, process, sigma):
    denoiser.process = process
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    levels = torch.full(x.shape[:2], sigma)
    assert torch.equal(raw(denoiser, x, batch, 0.0, sigma), raw(denoiser.structure, x, batch, 1.0, sigma))
    with torch.no_grad():
        arguments = (x, levels, batch, all_predicted(x), FRAME_PS)
        assert torch.equal(denoiser(*arguments, 0.0), denoiser.structure(*arguments))
    assert relative_error(raw(denoiser, x, batch, 1.0, sigma), raw(denoiser, x, batch, 0.0, sigma)) > SEEN


def test_strength_zero_does_not_run_the_temporal_network(denoiser):
    for name, parameter in denoiser.network.named_parameters():
        if not name.startswith("structure."):
            nn.init.constant_(parameter, torch.nan)
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    assert torch.equal(raw(denoiser, x, batch, 0.0), raw(denoiser.structure, x, batch))
    assert raw(denoiser, x, batch, 1.0).isnan().any()


def test_where_the_memory_of_the_noise_ends_the_structure_model_works_alone(denoiser):
    denoiser.process = Preconditioned(memory={"scale": 2.0, "floor": 0.3})
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    assert torch.equal(raw(denoiser, x, batch, sigma=0.3), raw(denoiser.structure, x, batch, sigma=0.3))
    assert relative_error(raw(denoiser, x, batch, sigma=0.31), raw(denoiser.structure, x, batch, sigma=0.31)) > SEEN
    denoiser.process = Preconditioned(memory={"scale": 0.0, "floor": 0.3})
    assert relative_error(raw(denoiser, x, batch, sigma=0.3), raw(denoiser.structure, x, batch, sigma=0.3)) > SEEN


def test_each_trajectory_of_a_batch_has_its_own_end_of_memory(denoiser):
    """Above it as that trajectory alone, at it as the structure model; given frames have no level."""
    denoiser.process = Preconditioned(memory={"scale": 2.0, "floor": 0.3})
    x, batch = frames(CHIRAL, T).repeat(2, 1, 1, 1), graphs(CHIRAL, CHIRAL)
    predicted = conditioned(x, 0)
    sigma = torch.full(x.shape[:2], 0.3)
    sigma[1] = 0.6
    sigma = torch.where(predicted, sigma, torch.zeros(()))
    with torch.no_grad():
        got = denoiser.raw(NoisyFrames(x, sigma, batch, predicted, FRAME_PS))
        alone = denoiser.structure.raw(NoisyFrames(x, sigma, batch, predicted, FRAME_PS))
        every = torch.where(predicted, torch.full(x.shape[:2], 0.6), torch.zeros(()))
        together = denoiser.raw(NoisyFrames(x, every, batch, predicted, FRAME_PS))
    assert torch.equal(got[0][predicted[0]], alone[0][predicted[0]])
    torch.testing.assert_close(got[1], together[1])
    assert relative_error(got[1][1:], alone[1][1:]) > SEEN


def test_the_cascaded_form_knows_the_times_of_torsions():
    denoiser, x, batch = network("cascaded"), frames(CHIRAL, T), graphs(CHIRAL)
    slower = replace(batch, times_ps=3 * batch.times_ps)
    assert relative_error(raw(denoiser, x, slower), raw(denoiser, x, batch)) > SEEN
    assert torch.equal(raw(denoiser.structure, x, slower), raw(denoiser.structure, x, batch))


def test_alpha_one_is_the_structure_model_bit_for_bit(denoiser):
    for mixer in mixers(denoiser):
        torch.nn.init.constant_(mixer.logits, torch.inf)
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    assert torch.equal(raw(denoiser, x, batch, 1.0), raw(denoiser.structure, x, batch))


def test_alpha_and_strength_mix_as_they_should():
    mixer = Mixer(0.3)
    nn.init.constant_(mixer.logits[1:], 1.0)
    for strength in (0.0, 0.25, 1.0):
        alpha_x, alpha_h = mixer.alpha(strength)
        assert alpha_x.item() == pytest.approx(strength * 0.3 + 1 - strength)
        assert alpha_h.item() == pytest.approx(strength / (1 + 2.718281828**-1) + 1 - strength)


def test_the_cascaded_form_is_linear_in_strength():
    denoiser, x, batch = network("cascaded"), frames(CHIRAL, T), graphs(CHIRAL)
    none, half, full = (raw(denoiser, x, batch, strength) for strength in (0.0, 0.5, 1.0))
    torch.testing.assert_close(half, (none + full) / 2, rtol=1e-4, atol=1e-5)


def test_an_untrained_cascaded_interpolator_is_its_structure_model():
    denoiser = build_denoiser(MODELS["cascaded"], Preconditioned().config())
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    torch.testing.assert_close(raw(denoiser, x, batch, 1.0), raw(denoiser, x, batch, 0.0), rtol=0, atol=0)


@pytest.mark.parametrize("given", [(0,), (0, T - 1)], ids=["first", "both"])
def test_conditioning_frames_are_not_moved_and_are_seen(denoiser, given):
    x = frames(CHIRAL, T) + 2.0  # off centre: they come back as they were given, not centred
    predicted = conditioned(x, *given)
    got = denoised(denoiser, x, predicted)
    moved = [t for t in range(T) if t not in given]
    assert torch.equal(got[:, list(given)], x[:, list(given)])
    assert not torch.isclose(got[:, moved], x[:, moved]).all(dim=-1).any()
    other = x.clone()
    other[:, given[-1]] = frames(CHIRAL, 1, seed=9)[0] + 2.0
    assert relative_error(denoised(denoiser, other, predicted)[:, moved], got[:, moved]) > SEEN
    # the same frames, noisy instead of given, mean something else
    assert relative_error(denoised(denoiser, x, all_predicted(x))[:, moved], got[:, moved]) > SEEN


def entering(denoiser, x: Tensor, predicted: Tensor) -> list[Tensor]:
    """Coordinates [B, T, N, 3] that enter each temporal block."""
    seen: list[Tensor] = []
    for block in denoiser.network.blocks:
        block.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].x))
    denoised(denoiser, x, predicted)
    return seen


def test_given_frames_enter_every_temporal_block_of_the_blockwise_form_clean():
    denoiser, x = network("blockwise"), frames(CHIRAL, T)
    predicted = conditioned(x, 0)
    seen = entering(denoiser, x, predicted)
    centred = centre(x, graphs(CHIRAL).mask)
    assert len(seen) == MODELS["blockwise"]["structure"]["layers"]
    for entered in seen:
        torch.testing.assert_close(entered[:, 0], centred[:, 0], rtol=0, atol=1e-6)
        assert not torch.isclose(entered[:, 1:], centred[:, 1:]).all(dim=-1).any()


@pytest.mark.parametrize("process", [Preconditioned(sigma_data=1.5), DDPM()], ids=["preconditioned", "ddpm"])
def test_the_cascaded_temporal_network_starts_from_denoised_frames(process):
    denoiser, x = network("cascaded"), frames(CHIRAL, T)
    denoiser.process = process
    predicted = conditioned(x, 0)
    first = entering(denoiser, x, predicted)[0]
    centred = centre(x, graphs(CHIRAL).mask)
    torch.testing.assert_close(first[:, 0], centred[:, 0], rtol=0, atol=1e-5)
    wanted = denoised(denoiser.structure, x, predicted)
    torch.testing.assert_close(first[:, 1:], wanted[:, 1:], rtol=1e-4, atol=1e-4)


def test_given_frames_of_one_trajectory_leave_the_others_alone(denoiser):
    x = torch.cat([frames(CHIRAL, T, seed=1), frames(CHIRAL, T, seed=2)])
    predicted = all_predicted(x)
    predicted[0, 0] = False
    levels = torch.where(predicted, torch.full(x.shape[:2], 0.6), torch.zeros(()))
    with torch.no_grad():
        got = denoiser(x, levels, graphs(CHIRAL, CHIRAL), predicted, FRAME_PS)
    torch.testing.assert_close(got[1:], denoised(denoiser, x[1:], predicted[1:]), rtol=1e-4, atol=1e-5)


def test_frames_are_independent_at_strength_zero_and_coupled_at_one(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    other = x.clone()
    other[:, 2] += 0.5 * torch.randn(other[:, 2].shape, generator=torch.Generator().manual_seed(1))
    rest = [0, 1, 3, 4]
    assert torch.equal(raw(denoiser, x, batch, 0.0)[:, rest], raw(denoiser, other, batch, 0.0)[:, rest])
    before, after = raw(denoiser, x, batch, 1.0), raw(denoiser, other, batch, 1.0)
    for t in rest:
        assert relative_error(after[:, t], before[:, t]) > SEEN


def test_time_runs_both_ways_and_has_a_scale(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    base = raw(denoiser, x, batch)
    assert relative_error(raw(denoiser, x.flip(1), batch), base.flip(1)) < 1e-4
    shuffled = [2, 0, 3, 1, 4]
    assert relative_error(raw(denoiser, x[:, shuffled], batch), base[:, shuffled]) > SEEN
    predicted = all_predicted(x)
    assert relative_error(denoised(denoiser, x, predicted, frame_ps=0.5), denoised(denoiser, x, predicted)) > SEEN


def loss_of(denoiser) -> tuple[DenoiserModule, Batch]:
    x = torch.cat([frames(CHIRAL, T, 0.1, seed=seed) for seed in (1, 2)])
    graph = graphs(CHIRAL, CHIRAL)
    predicted = all_predicted(x)
    predicted[0, 0] = False
    noise = centre(torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), graph.mask)
    uniform = torch.tensor([[0.4], [0.7]])
    module = DenoiserModule(denoiser, OptimiserConfig(), 10, align=False)
    return module, Batch(graph, centre(x, graph.mask), noise, uniform, predicted, FRAME_PS)


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "N-and-F"])
def test_gradients_reach_what_is_trained_and_nothing_else(denoiser, frozen):
    if frozen:
        denoiser.network.freeze()
    module, batch = loss_of(denoiser)
    by_frame, sigma = module.loss(denoiser, batch)
    assert by_frame[0, 0] == 0 and sigma[0, 0] == 0 and (by_frame.flatten()[1:] > 0).all()
    by_frame.sum().backward()
    without = {name for name, p in denoiser.network.named_parameters() if p.grad is None or not p.grad.any()}
    structure = {name for name, _ in denoiser.network.named_parameters() if name.startswith("structure.")}
    if frozen:
        assert structure <= without
    # the structure network's own readout of vectors is part of the result of either form
    assert without - structure == set() and (frozen or not without)
    trained = {id(p) for group in module.configure_optimizers()["optimizer"].param_groups for p in group["params"]}
    assert trained == {id(p) for name, p in denoiser.network.named_parameters() if not (frozen and name in structure)}
