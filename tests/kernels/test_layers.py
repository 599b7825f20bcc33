"""The kernel of whole structure layers: values of the layers it stands for."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from eginterpolator.kernels import layers, library
from eginterpolator.nn.structure_layer import State, one_by_one
from tests.builders.kernels import SMILES, distance, needs_any_kernels, stack
from tests.builders.networks import molecule

pytestmark = needs_any_kernels


def changes(function, state: State, *given) -> list[torch.Tensor]:
    return [new.float() - old for new, old in zip(function(given[0], state, given[1]), state, strict=True)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("hidden", "count", "n_frames", "hops"), [(32, 1, 5, 4), (64, 3, 1, 2), (128, 2, 40, 7)])
def test_layers_are_as_near_to_fp32_as_layers_of_these_numbers(
    monkeypatch, numbers, hidden, count, n_frames, hops, threads
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    made, state, context = stack(hidden, count, n_frames=n_frames, hops=hops)
    assert context.stereo is not None and context.graph.mask.sum() < context.graph.mask.numel()
    with torch.no_grad():
        exact = changes(one_by_one, state, made, context)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = changes(one_by_one, state, made, context)
        fast = changes(partial(layers.compute, numbers=numbers), state, made, context)
    for ours, theirs, wanted in zip(fast, rounded, exact, strict=True):
        assert wanted.norm() > 0
        bound = 1.5 * distance(theirs, wanted) + 1e-5 if numbers == "bf16" else 2e-5
        assert distance(ours, wanted) < bound


@torch.no_grad()
def test_molecules_of_one_batch_do_not_see_each_other(numbers):
    made, state, context = stack(32, 2)
    together = layers.compute(made, state, context, numbers)
    _, _, alone_context = stack(32, 2, SMILES[:1])
    alone_context = alone_context._replace(noise=context.noise[:1])
    n_atoms = molecule(SMILES[0]).n_heavy
    alone = layers.compute(made, State(*(part[:1, :, :n_atoms] for part in state)), alone_context, numbers)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:1, :, :n_atoms], other, rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_a_lone_atom_and_a_molecule_larger_than_what_is_worked_on_together(numbers):
    made, state, context = stack(32, 2, ("C", "C" * 150), n_frames=2, hops=7)
    ours, wanted = (
        function(made, state, context) for function in (partial(layers.compute, numbers=numbers), one_by_one)
    )
    assert context.stereo is None
    for one, other, before in zip(ours, wanted, state, strict=True):
        assert distance(one - before, other - before) < (0.02 if numbers == "bf16" else 2e-5)


def test_with_gradients_and_elsewhere_the_layers_themselves_serve(monkeypatch):
    made, state, context = stack(32, 2)
    slope = torch.autograd.grad(layers.compute(made, state, context).x.square().sum(), made[0].messages.pair.weight)
    assert slope[0].abs().sum() > 0
    # a device of its own has no autocast, which the layers switch off
    monkeypatch.setattr(layers, "one_by_one", lambda *given: "state")
    with torch.no_grad():
        assert layers.compute(made, State(*(part.to("meta") for part in state)), context) == "state"
