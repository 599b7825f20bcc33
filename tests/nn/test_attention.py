"""Attention with a learned bias: values and gradients of the fused kernel's way there and our way back."""

from __future__ import annotations

import pytest
import torch
from torch.library import opcheck

from eginterpolator.nn import attention
from eginterpolator.nn.attention import biased_attention, pairwise

SCALE = 0.3


def inputs(count: int = 5, heads: int = 3, frames: int = 37, width: int = 16) -> list[torch.Tensor]:
    """q, k, value and the bias of lags, with gradients."""
    generator = torch.Generator().manual_seed(7)
    shapes = [(count, heads, frames, width)] * 3 + [(heads, frames)]
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def formula(q: torch.Tensor, k: torch.Tensor, value: torch.Tensor, by_lag: torch.Tensor) -> torch.Tensor:
    lags = torch.arange(by_lag.shape[-1])
    return torch.softmax(SCALE * q @ k.mT + by_lag[:, (lags[:, None] - lags).abs()], dim=-1) @ value


@pytest.mark.parametrize("cached", [1, 3 * 37**2, 250_000])
def test_values_and_gradients_are_those_of_the_formula(monkeypatch: pytest.MonkeyPatch, cached: int):
    monkeypatch.setattr(attention, "CACHED", cached)  # one atom at a time; three and a rest of two; all together
    given = inputs()
    grad = torch.randn(given[0].shape, generator=torch.Generator().manual_seed(8))
    got, wanted = biased_attention(*given, SCALE), formula(*given)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(got, given, grad), torch.autograd.grad(wanted, given, grad), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_inputs_that_do_not_lie_together_give_the_same():
    q, k, value, by_lag = inputs()
    apart = [part.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_() for part in (q, k, value)]
    wide = by_lag.detach().T.contiguous().T.requires_grad_()
    got, wanted = biased_attention(*apart, wide, SCALE), formula(q, k, value, by_lag)
    ours = torch.autograd.grad(got.square().sum(), [*apart, wide])
    theirs = torch.autograd.grad(wanted.square().sum(), [q, k, value, by_lag])
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_the_operator_keeps_pytorchs_contract_so_that_it_compiles():
    *given, by_lag = inputs()
    opcheck(attention._attention, (*given, pairwise(by_lag), SCALE))


def test_scores_of_all_atoms_are_never_held_at_once():
    frames, count, heads = 256, 8, 2
    given = inputs(count, heads, frames)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        biased_attention(*given, SCALE).sum().backward()
    sizes = [event.self_cpu_memory_usage for event in profile.events()]
    assert max(sizes) < count * heads * frames**2 * 4, "a tensor as large as all scores was made"
