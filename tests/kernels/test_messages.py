"""The kernel of messages between atoms: values and gradients of the layer it stands for."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from eginterpolator.kernels import library, messages
from eginterpolator.nn.structure_layer import PairMessages
from tests.builders.kernels import SMILES, distance, needs_any_kernels, pairs, values_and_gradients
from tests.builders.networks import molecule

pytestmark = needs_any_kernels


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("hidden", "n_frames", "hops"), [(32, 5, 4), (64, 1, 2), (128, 40, 4)])
def test_messages_are_as_near_to_fp32_as_layers_of_these_numbers(monkeypatch, numbers, hidden, n_frames, hops, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, context, given = pairs(hidden, n_frames=n_frames, hops=hops)
    exact = values_and_gradients(PairMessages.sums, layer, given, context)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = values_and_gradients(PairMessages.sums, layer, given, context)
    fast = values_and_gradients(partial(messages.compute, numbers=numbers), layer, given, context)
    for ours, theirs, wanted in zip(fast, rounded, exact, strict=True):
        assert wanted.norm() > 0
        bound = 1.5 * distance(theirs, wanted) + 1e-6 if numbers == "bf16" else 1e-5
        assert distance(ours, wanted) < bound


def test_a_molecule_without_pairs_and_tiles_that_end_within_a_frame(numbers):
    layer, context, given = pairs(32, ("C", "CCCCCCCCCCCCCCCC"), n_frames=3, hops=8)
    pushed, carried, gathered = messages.compute(layer, *given, context, numbers=numbers)
    assert all((part[0] == 0).all() for part in (pushed, carried, gathered))
    assert distance(gathered, PairMessages.sums(layer, *given, context)[2]) < 0.01


def test_frozen_weights_have_no_gradients_and_nodes_the_same(numbers):
    layer, context, given = pairs(32)
    wanted = torch.autograd.grad(messages.compute(layer, *given, context, numbers=numbers)[2].square().sum(), given[2:])
    layer.requires_grad_(False)
    got = torch.autograd.grad(messages.compute(layer, *given, context, numbers=numbers)[2].square().sum(), given[2:])
    for one, other in zip(got, wanted, strict=True):
        assert torch.equal(one, other)


def test_molecules_of_one_batch_do_not_see_each_other(numbers):
    layer, context, given = pairs(32)
    together = messages.compute(layer, *given, context, numbers=numbers)
    _, alone_context, _ = pairs(32, SMILES[:1])
    n_atoms = molecule(SMILES[0]).n_heavy
    alone = messages.compute(layer, *(part[:1, :, :n_atoms] for part in given), alone_context, numbers=numbers)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:1, :, :n_atoms], other, rtol=1e-6, atol=1e-6)
