"""Attention over frames is the sum over their pairs, and holds nothing of the size of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from eginterpolator.nn.graph_batch import centre
from eginterpolator.nn.structure_layer import State, make_context
from eginterpolator.nn.temporal_layer import TemporalAttention
from tests.builders.networks import CHIRAL, FRAME_PS, frames, graphs, shake


def attention_inputs(
    n_frames: int, hidden: int = 12, channels: int = 3
) -> tuple[TemporalAttention, State, torch.Tensor, object]:
    attention = TemporalAttention(hidden, channels, heads=2, per_head=2)
    shake(attention)
    generator = torch.Generator().manual_seed(2)
    batch = graphs(CHIRAL)
    x = centre(frames(CHIRAL, n_frames), batch.mask)
    h = torch.randn((*x.shape[:3], hidden), generator=generator)
    v = torch.randn((*x.shape[:3], 3, channels), generator=generator)
    context = make_context(batch, torch.randn((1, n_frames, hidden), generator=generator), 7)
    noisy = x + torch.randn(x.shape, generator=generator)
    return attention, State(x, h, v), noisy, context


def naive_attention(layer: TemporalAttention, state: State, noisy, context, frame_ps: float) -> State:
    """The same layer by explicit T x T x 3 differences, one atom and one head at a time (SPEC section 3)."""
    x, h, v = (part[0].detach() for part in state)
    n_frames, n_atoms, _ = x.shape
    channels, width = v.shape[3], layer.width
    normed = layer.norm(h) + layer.noise(context.noise[0])[:, None]
    new_x, new_h, new_v = x.clone(), h.clone(), v.clone()
    for atom in range(n_atoms):
        scalars = layer.scalars(normed[:, atom])  # [T, ...]
        residue = (noisy[0] - x)[:, atom, None]
        stacked = torch.cat([x[:, atom, None], residue, v[:, atom].mT], dim=1)  # [T, 2 + channels, 3]
        mixed = torch.einsum("oc,tcd->tod", layer.vectors.weight, stacked)
        mixed = mixed.reshape(n_frames, 3, layer.heads, layer.per_head, 3)
        parts = scalars[:, : 3 * layer.heads * width].reshape(n_frames, 3, layer.heads, width)
        gates = scalars[:, 3 * layer.heads * width :].reshape(n_frames, layer.heads, 1 + layer.per_head)
        from_heads, vectors = [], []
        for head in range(layer.heads):
            (q, k, value), (vq, vk, vv) = parts[:, :, head].unbind(1), mixed[:, :, head].unbind(1)
            logits = torch.zeros(n_frames, n_frames)
            for t in range(n_frames):
                for s in range(n_frames):
                    lag = torch.tensor(abs(t - s) * frame_ps)
                    scaled = torch.log1p(lag)
                    bias = layer.lag.mlp(torch.stack([scaled, scaled**2 / 8, (lag == 0).float()]))[head]
                    bias = bias - layer.lag.log_slopes[head].exp() * lag / 5.0
                    size = width + 3 * layer.per_head
                    logits[t, s] = (q[t] @ k[s] + (vq[t] * vk[s]).sum()) / size**0.5 + bias
            a = logits.softmax(dim=1)
            from_heads.append(a @ value)
            phi, gate = gates[:, head, 0], gates[:, head, 1:]
            difference = x[:, atom, None] - x[None, :, atom]  # [T, T, 3]
            step = (a[:, :, None] * phi[None, :, None] * difference).sum(dim=1)
            new_x[:, atom] += layer.out_x.weight[0, head] * step
            vectors.append(torch.einsum("ts,sp,spd->tpd", a, gate, vv))
        new_h[:, atom] += layer.out(torch.cat(from_heads, dim=-1))
        carried = torch.einsum("oc,tcd->tod", layer.out_vectors.weight, torch.cat(vectors, dim=1))
        new_x[:, atom] += carried[:, 0]
        new_v[:, atom] += carried[:, 1 : 1 + channels].mT
    return State(new_x[None], new_h[None], new_v[None])


def test_temporal_attention_is_the_sum_over_pairs_of_frames():
    attention, state, noisy, context = attention_inputs(6)
    with torch.no_grad():
        got = attention(state, noisy, context, FRAME_PS)
        wanted = naive_attention(attention, state, noisy, context, FRAME_PS)
    for new, naive, old in zip(got, wanted, state, strict=True):
        torch.testing.assert_close(new, naive, rtol=1e-4, atol=1e-5)
        assert (naive - old).abs().max() > 0.01


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return result


def test_temporal_attention_makes_nothing_of_size_frames_squared_for_each_atom():
    n_frames = 600
    attention, state, noisy, context = attention_inputs(n_frames)
    with torch.no_grad(), Largest() as largest:
        attention(state, noisy, context, FRAME_PS)
    heads, n_atoms = attention.heads, state.x.shape[2]
    assert largest.numel <= heads * n_frames**2  # the lag bias, shared by all atoms and trajectories
    assert heads * n_frames**2 < n_atoms * n_frames**2 < n_atoms * n_frames**2 * 3
