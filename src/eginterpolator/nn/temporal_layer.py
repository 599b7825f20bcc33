"""The equivariant temporal layer f_ET: attention over the T frames of each atom (SPEC section 3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from eginterpolator.nn.attention import attend
from eginterpolator.nn.embeddings import LagBias
from eginterpolator.nn.structure_layer import Context, State, StructureLayer, Transition, damp


class TemporalAttention(nn.Module):
    """Attention with values [v, phi, phi x], so that memory stays linear in T.

    Equation (14) of docs/method.md.

    x'_t = x_t + sum_s a_ts phi_s (x_t - x_s) = x_t + x_t sum_s a_ts phi_s - sum_s a_ts phi_s x_s, and vectors are
    carried in the same way. Among them are the noisy frames themselves, with their lengths: what their average over
    a few neighbours says of the slow motion, the state x has partly lost. It moves x and the vectors alike.
    Queries and keys hold vector channels too: their dot products are rotation invariant, because all frames of a
    trajectory share one orientation of space. The relative time enters as a bias.

    kernel : function or None
        Computes `averages` in its place, from the layer and the same arguments; `models.compiled` puts it there.
    """

    kernel: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = None

    def __init__(self, hidden: int, channels: int, heads: int, per_head: int = 3) -> None:
        super().__init__()
        self.heads, self.per_head, self.width = heads, per_head, hidden // heads
        self.norm = nn.LayerNorm(hidden)
        self.noise = nn.Linear(hidden, hidden)
        self.scalars = nn.Linear(hidden, 3 * hidden + heads * (1 + per_head))
        self.vectors = nn.Linear(channels + 2, 3 * heads * per_head, bias=False)
        self.lag = LagBias(heads)
        self.out = nn.Linear(hidden, hidden)
        self.out_vectors = nn.Linear(heads * per_head, channels + 1, bias=False)
        self.out_x = nn.Linear(heads, 1, bias=False)
        for layer in (self.out, self.out_vectors, self.out_x):
            damp(layer)

    def forward(self, state: State, noisy: Tensor, context: Context, frame_ps: float) -> State:
        x, h, v = state
        normed = self.norm(h) + self.noise(context.noise)[:, :, None]
        with torch.autocast(device_type=x.device.type, enabled=False):
            mixed = self.vectors(torch.cat([torch.stack([x, noisy - x], dim=-1), v], dim=-1))
        averages = self.kernel or TemporalAttention.averages
        scalar, moved, vectors = averages(self, x, self.scalars(normed), mixed, self.lag(x.shape[1], frame_ps))
        h = h + self.out(scalar)
        with torch.autocast(device_type=x.device.type, enabled=False):
            step = self.out_x(moved).squeeze(-1)
            update = self.out_vectors(vectors)
        return State(x + step + update[..., 0], h, v + update[..., 1:])

    def averages(self, x: Tensor, scalars: Tensor, mixed: Tensor, by_lag: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Averages over frames, of every head.

        Equation (15) of docs/method.md.

        Parameters
        ----------
        x : [B, T, N, 3]
        scalars : [B, T, N, 3 hidden + heads (1 + per_head)]
            Queries, keys and values; then phi and the gates of the vectors, head by head.
        mixed : float32 [B, T, N, 3, 3 heads per_head]
            Vectors of queries, keys and values.
        by_lag : [heads, T]
            The bias of each lag.

        Returns
        -------
        scalars [B, T, N, hidden], moves float32 [B, T, N, 3, heads] and vectors float32 [B, T, N, 3, heads per_head]
        """
        heads, per_head = self.heads, self.per_head
        scalars, gates = scalars.float().split([3 * heads * self.width, heads * (1 + per_head)], dim=-1)
        q, k, value = scalars.unflatten(-1, (3, heads, self.width)).unbind(dim=-3)
        phi, gate = gates.unflatten(-1, (heads, -1)).split([1, per_head], dim=-1)
        mixed = mixed.unflatten(-1, (3, heads, per_head)).movedim(-4, -2)  # [B, T, N, 3, heads, 3, per_head]
        vq, vk, vv = mixed.unbind(dim=3)
        carried = [value, phi, phi * x[..., None, :], (gate[..., None, :] * vv).flatten(-2)]
        parts = ([q, vq.flatten(-2)], [k, vk.flatten(-2)], carried)
        # what is worked on together, the frames of an atom and head, lies together: [B, N, heads, T, D]
        q, k, value = (torch.cat([each.permute(0, 2, 3, 1, 4) for each in part], dim=-1) for part in parts)
        got = attend(q, k, value, by_lag).permute(0, 3, 1, 2, 4)
        scalar, a_phi, a_phi_x, vector = got.split([self.width, 1, 3, 3 * per_head], dim=-1)
        moved = a_phi * x[..., None, :] - a_phi_x  # [B, T, N, heads, 3]
        vectors = vector.unflatten(-1, (3, per_head)).transpose(-3, -2).flatten(-2)
        return scalar.flatten(-2), moved.transpose(-1, -2), vectors


class TemporalLayer(nn.Module):
    """f_ET: attention over frames, then the gated transition."""

    def __init__(self, hidden: int, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = TemporalAttention(hidden, channels, heads)
        self.transition = Transition(hidden, channels)

    def forward(self, state: State, noisy: Tensor, context: Context, frame_ps: float) -> State:
        """New state, from the state and the scaled noisy frames [B, T, N, 3]."""
        return self.transition(self.attention(state, noisy, context, frame_ps))


class TemporalBlock(nn.Module):
    """ET layer, new ES layer, ET layer."""

    def __init__(self, hidden: int, channels: int, heads: int) -> None:
        super().__init__()
        self.before = TemporalLayer(hidden, channels, heads)
        self.structure = StructureLayer(hidden, channels)
        self.after = TemporalLayer(hidden, channels, heads)

    def forward(self, state: State, noisy: Tensor, context: Context, frame_ps: float) -> State:
        """New state, from the state and the scaled noisy frames [B, T, N, 3]."""
        state = self.before(state, noisy, context, frame_ps)
        state = self.structure(state, context)
        return self.after(state, noisy, context, frame_ps)
