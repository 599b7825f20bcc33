"""The kernel of attention over frames: values and gradients of the layer it stands for."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from eginterpolator.kernels import attention, library
from eginterpolator.nn.temporal_layer import TemporalAttention
from tests.builders.kernels import averages_and_gradients, distance, frames, needs_any_kernels

pytestmark = needs_any_kernels


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("n_frames", "hidden", "heads", "per_head"), [(13, 32, 4, 3), (70, 64, 8, 3), (300, 40, 2, 2), (129, 96, 3, 1)]
)
def test_attention_is_that_of_the_layers(monkeypatch, numbers, n_frames, hidden, heads, per_head, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, given = frames(n_frames, hidden, heads, per_head, numbers=numbers)
    wanted, slopes = averages_and_gradients(TemporalAttention.averages, layer, given)
    got, got_slopes = averages_and_gradients(partial(attention.compute, numbers=numbers), layer, given)
    # weights and upstream gradients have 8 bits in bf16; those of lags are sums that cancel
    bounds = 6 * [0.006] + [0.01] if numbers == "bf16" else 6 * [2e-5] + [1e-3]
    for one, other, bound in zip((*got, *got_slopes), (*wanted, *slopes), bounds, strict=True):
        assert other.norm() > 0
        assert distance(one.float(), other.float()) < bound


def test_one_frame_is_its_own_average(numbers):
    layer, given = frames(1, 40, 2, numbers=numbers)
    (scalars, moved, vectors), slopes = averages_and_gradients(
        partial(attention.compute, numbers=numbers), layer, given
    )
    wanted, _ = averages_and_gradients(TemporalAttention.averages, layer, given)
    torch.testing.assert_close(scalars, wanted[0].to(scalars.dtype), rtol=2e-7 if numbers == "fp32" else 0, atol=0)
    assert distance(vectors, wanted[2]) < 1e-4
    assert moved.abs().max() < 1e-3  # 16 bits of phi x
    assert slopes[3].abs().max() < 1e-3


def test_scores_far_above_that_of_the_frame_itself_overflow_nothing(numbers):
    layer, given = frames(70, 32, 4, spread=8.0, numbers=numbers)
    wanted, slopes = averages_and_gradients(TemporalAttention.averages, layer, given)
    got, got_slopes = averages_and_gradients(partial(attention.compute, numbers=numbers), layer, given)
    q, k = (given[1].float()[..., at : at + 8] for at in (0, 32))
    own, all_pairs = (q * k).sum(dim=-1), torch.einsum("btnd,bsnd->btsn", q, k)
    assert ((all_pairs.amax(dim=2) - own) * 17**-0.5 > 100).any(), "no score is that far above"
    for one, other in zip((*got, *got_slopes[:3]), (*wanted, *slopes[:3]), strict=True):
        assert distance(one.float(), other.float()) < 0.02


def test_differences_of_averages_keep_their_digits(numbers):
    """x_t times the sum of weights less the average of x, as a layer moves atoms: shifting x changes nothing."""
    layer, (x, *rest) = frames(64, 32, 4, numbers=numbers)
    near, far = (attention.compute(layer, x + shift, *rest, numbers=numbers)[1].detach() for shift in (0.0, 20.0))
    assert (near - far).abs().max() < 3e-3 * rest[0].abs().max()  # 16 bits of 25; bf16 alone has 8
