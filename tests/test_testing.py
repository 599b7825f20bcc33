"""The public assertions hold for what keeps the property, and fail for what breaks it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from eginterpolator import testing
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.diffusion.samplers import SAMPLERS, ddim
from eginterpolator.models.denoiser import Denoiser, StructureDenoiser
from eginterpolator.models.registry import build_denoiser
from eginterpolator.nn.graph_batch import GraphBatch

SMALL = {"hidden": 16, "channels": 4, "layers": 2}
PROCESS = {"class": "Preconditioned", "sigma_data": 1.5}
TEMPORAL = {"structure": SMALL, "heads": 2}
MODELS = {
    "BasicES": {"class": "BasicES", **SMALL},
    "CascadedInterpolator": {"class": "CascadedInterpolator", **TEMPORAL, "hidden": 12, "channels": 3},
    "BlockwiseInterpolator": {"class": "BlockwiseInterpolator", **TEMPORAL},
}
ASSERTIONS = (
    testing.assert_equivariant,
    testing.assert_parity_follows_stereo,
    testing.assert_independent_of_batch,
    testing.assert_given_frames_stay,
)


@pytest.fixture(scope="module", params=MODELS)
def denoiser(request) -> Denoiser:
    return testing.shaken(build_denoiser(MODELS[request.param], PROCESS))


@pytest.mark.parametrize("assertion", ASSERTIONS, ids=lambda each: each.__name__)
def test_networks_of_the_package_pass(denoiser, assertion):
    assertion(denoiser)


class Broken(nn.Module):
    """A network that does one thing wrong."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch) -> Tensor:
        if self.how == "fixed axis":
            return x * torch.tensor([1.0, 1.0, 2.0])
        if self.how == "order":
            return x * torch.arange(1.0, x.shape[2] + 1)[:, None]
        if self.how == "batch":
            return x * x.abs().amax()
        return x  # blind to stereo


@pytest.mark.parametrize(
    "how, assertion",
    [
        ("fixed axis", testing.assert_equivariant),
        ("order", testing.assert_equivariant),
        ("batch", testing.assert_independent_of_batch),
        ("blind", testing.assert_parity_follows_stereo),
    ],
)
def test_a_network_that_breaks_a_property_fails(how, assertion):
    with pytest.raises(AssertionError):
        assertion(StructureDenoiser(Broken(how), Preconditioned(sigma_data=1.5)))


def test_a_given_frame_that_moves_fails():
    class Moving(StructureDenoiser):
        def forward(self, x, *others, **more):
            return super().forward(x, *others, **more) + 1e-3

    with pytest.raises(AssertionError, match="given frame"):
        testing.assert_given_frames_stay(Moving(Broken("blind"), Preconditioned(sigma_data=1.5)))


@pytest.mark.parametrize("name", ["ddim", "heun", "stochastic", "sde", "ancestral"])
def test_samplers_of_the_package_reach_a_gaussian(name):
    testing.assert_sampler_reaches_gaussian(SAMPLERS[name], steps=60)


def test_a_sampler_that_stops_early_fails():
    def lazy(denoise, x, levels, noise, level, **options):
        return ddim(denoise, x, levels[:-1], noise, level)

    with pytest.raises(AssertionError, match="The mean of a Gaussian|The spread of a Gaussian"):
        testing.assert_sampler_reaches_gaussian(lazy, steps=6)


def test_shaken_weights_are_a_copy():
    plain = build_denoiser(MODELS["BasicES"], PROCESS)
    before = [weight.clone() for weight in plain.parameters()]
    shaken = testing.shaken(plain)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), before, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(shaken.parameters(), before, strict=True))
