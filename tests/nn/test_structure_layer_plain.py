"""The fast layers equal the plain ones: outputs and gradients, with stereocentres and padding."""

from __future__ import annotations

import copy

import pytest
import torch

from eginterpolator.models.denoiser import NoisyFrames
from eginterpolator.nn.structure_layer import StructureLayer
from tests.builders.networks import CHIRAL, FRAME_PS, MODELS, frames, graphs, network
from tests.builders.plain_layers import PlainStructureLayer, make_plain

LEVEL = 0.6


def both(kind: str) -> tuple:
    fast = network(kind)
    plain = copy.deepcopy(fast)
    make_plain(plain)
    return fast, plain


def output(denoiser, x, batch, predicted):
    sigma = torch.where(predicted, LEVEL, 0.0)
    return denoiser.raw(NoisyFrames(x, sigma, batch, predicted, FRAME_PS))


@pytest.mark.parametrize("kind", MODELS)
def test_outputs_and_gradients_equal_the_plain_layers(kind):
    fast, plain = both(kind)
    assert any(isinstance(part, PlainStructureLayer) for part in plain.modules())
    assert not any(isinstance(part, StructureLayer) for part in plain.modules())
    batch = graphs(CHIRAL, "CC(=O)NCC")  # the second is padded
    x = torch.zeros((2, 6, batch.mask.shape[1], 3))
    for row, smiles in enumerate((CHIRAL, "CC(=O)NCC")):
        own = frames(smiles, 6)
        x[row, :, : own.shape[2]] = own[0]
    predicted = torch.ones((2, 6), dtype=torch.bool)
    if kind != "structure":
        predicted[:, 0] = False
    got, wanted = output(fast, x, batch, predicted), output(plain, x, batch, predicted)
    assert wanted.abs().max() > 0.1
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    for result in (got, wanted):
        (result.square().sum()).backward()
    slopes = [parameter.grad for parameter in fast.parameters() if parameter.grad is not None]
    plain_slopes = [parameter.grad for parameter in plain.parameters() if parameter.grad is not None]
    assert len(slopes) == len(plain_slopes) > 20
    for one, other in zip(slopes, plain_slopes, strict=True):
        assert (one - other).abs().max() <= 1e-4 * max(1.0, float(other.abs().max()))


def test_another_weight_is_noticed():
    fast, plain = both("structure")
    with torch.no_grad():
        next(part for name, part in plain.named_parameters() if "receiver.weight" in name).mul_(1.01)
    batch, x = graphs(CHIRAL), frames(CHIRAL, 3)
    predicted = torch.ones(x.shape[:2], dtype=torch.bool)
    difference = (output(fast, x, batch, predicted) - output(plain, x, batch, predicted)).abs().max()
    assert difference > 1e-4
