"""The kernel of transitions: values and gradients of the layer it stands for."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from eginterpolator.kernels import library, transition
from eginterpolator.nn.structure_layer import Transition
from tests.builders.kernels import distance, needs_any_kernels, transition_of

pytestmark = needs_any_kernels


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("hidden", "n_frames"), [(32, 1), (64, 7), (128, 40)])
def test_transitions_are_as_near_to_fp32_as_layers_of_these_numbers(monkeypatch, numbers, hidden, n_frames, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, state = transition_of(hidden, n_frames)

    def change_and_gradients(function) -> list[Tensor]:
        out = function(layer, state)
        generator = torch.Generator().manual_seed(2)
        upstream = [torch.randn(each.shape, generator=generator).to(each.dtype) for each in out]
        changes = [new.detach() - old.detach() for new, old in zip(out, state, strict=True)]
        return [*changes, *torch.autograd.grad(list(out), [*state, *layer.parameters()], upstream)]

    exact = change_and_gradients(Transition.mixed)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = change_and_gradients(Transition.mixed)
    for ours, theirs, wanted in zip(
        change_and_gradients(partial(transition.compute, numbers=numbers)), rounded, exact, strict=True
    ):
        assert wanted.norm() > 0
        bound = 1.5 * distance(theirs, wanted) + 1e-5 if numbers == "bf16" else 2e-5
        assert distance(ours, wanted) < bound


def test_a_frozen_transition_passes_the_same_gradients(numbers):
    layer, state = transition_of(32, 3)
    wanted = torch.autograd.grad(transition.compute(layer, state, numbers).h.square().sum(), state[1:])
    layer.requires_grad_(False)
    got = torch.autograd.grad(transition.compute(layer, state, numbers).h.square().sum(), state[1:])
    for one, other in zip(got, wanted, strict=True):
        assert torch.equal(one, other)
