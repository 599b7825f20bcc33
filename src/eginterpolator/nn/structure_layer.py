"""The equivariant structure layer f_ES: (x, h, v), graph -> (x', h', v'), frame by frame.

An EGCL on dense typed edges (SPEC section 2) with equivariant vector channels v, a gated scalar/vector transition,
and oriented triples that break the parity (SPEC section 8.1): everything but the triples commutes with rotations
*and* reflections, the triples with rotations only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import EDGE_HOPS, EDGE_TYPES
from eginterpolator.nn.embeddings import RadialBasis
from eginterpolator.nn.graph_batch import GraphBatch


class State(NamedTuple):
    """What passes between layers.

    x : float32 [B, T, N, 3], positions in Å (scaled by the noise level's input factor).
    h : [B, T, N, hidden], scalar features.
    v : float32 [B, T, N, 3, channels], vector features, unchanged by translations. Channels come last: three components
        would fill no register of the processor.
    """

    x: Tensor
    h: Tensor
    v: Tensor


class Stereo(NamedTuple):
    """The S real stereo triples of the whole batch, packed: padding costs nothing.

    atoms : int64 [S, 4]
        Rows of centre and three arms in the batch's B N atoms.
    signs : float32 [S]
    """

    atoms: Tensor
    signs: Tensor


class Context(NamedTuple):
    """What all layers share.

    graph : GraphBatch
    noise : [B, T, hidden], embedding of each frame's noise level.
    pairs : float32 [B, 1, N, N, 1], 1 where a message passes.
    edges : float32 [B, 1, N, N, len(EDGE_TYPES)], one-hot edge types.
    stereo : Stereo, or None where no molecule of the batch has a stereocentre.
    """

    graph: GraphBatch
    noise: Tensor
    pairs: Tensor
    edges: Tensor
    stereo: Stereo | None


def damp(layer: nn.Linear, factor: float = 0.1) -> None:
    """Start a residual branch small, so that a deep stack begins near the identity."""
    with torch.no_grad():
        layer.weight.mul_(factor)
        if layer.bias is not None:
            layer.bias.mul_(factor)


def bounded(v: Tensor) -> Tensor:
    """Vectors [..., 3, channels] shrunk by their root mean square over channels where it exceeds one.

    Equation (12a) of docs/method.md.
    """
    size = v.square().sum(dim=-2).mean(dim=-1)
    return v / (1.0 + size).sqrt()[..., None, None]


def make_context(graph: GraphBatch, noise: Tensor, max_hops: int) -> Context:
    """Build the shared context; pairs further apart than `max_hops` bonds exchange no message."""
    hops = torch.tensor(EDGE_HOPS, device=graph.edges.device)[graph.edges]
    pairs = graph.pair_mask() & (hops <= max_hops)
    edges = nn.functional.one_hot(graph.edges, len(EDGE_TYPES))[:, None].float()
    return Context(graph, noise, pairs[:, None, :, :, None].float(), edges, _stereo(graph))


def _stereo(graph: GraphBatch) -> Stereo | None:
    molecule, row = torch.nonzero(graph.signs, as_tuple=True)
    if len(molecule) == 0:
        return None
    atoms = graph.triples[molecule, row] + (molecule * graph.mask.shape[1])[:, None]
    return Stereo(atoms, graph.signs[molecule, row])


class PairMessages(nn.Module):
    """EGCL: messages over pairs to positions, scalars and vectors.

    Equations (9) and (10) of docs/method.md.

    kernel : function or None
        Computes `sums` in its place, from the layer and the same arguments; `models.compiled` puts it there.
    """

    kernel: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = None

    def __init__(self, hidden: int, channels: int, radial: int, reach: float) -> None:
        super().__init__()
        self.channels = channels
        self.norm = nn.LayerNorm(hidden)
        self.noise = nn.Linear(hidden, hidden)
        self.receiver = nn.Linear(hidden, hidden)
        self.sender = nn.Linear(hidden, hidden, bias=False)
        self.radial = RadialBasis(radial, reach)
        self.pair = nn.Linear(radial + len(EDGE_TYPES), hidden, bias=False)
        self.message = nn.Linear(hidden, hidden)
        self.gates = nn.Linear(hidden, 1 + 2 * channels)
        self.update = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        damp(self.gates)

    def forward(self, state: State, context: Context) -> State:
        x, h, v = state
        v = bounded(v)
        normed = self.norm(h) + self.noise(context.noise)[:, :, None]
        sums = self.kernel or PairMessages.sums
        pushed, carried, gathered = sums(self, x, v, self.receiver(normed), self.sender(normed), context)
        neighbours = context.pairs.sum(dim=3).clamp(min=1.0)  # [B, 1, N, 1]
        gathered = gathered / neighbours.sqrt()
        h = h + self.update(torch.cat([normed, gathered.to(normed.dtype)], dim=-1))
        return State(x + pushed / neighbours, h, v + carried / neighbours[..., None])

    def sums(
        self, x: Tensor, v: Tensor, receiver: Tensor, sender: Tensor, context: Context
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over senders, from what the two ends [B, T, N, hidden] add to the first layer of a message.

        Returns pushes [B, T, N, 3], carried vectors [B, T, N, 3, channels] and messages [B, T, N, hidden].
        """
        relative = x[:, :, :, None] - x[:, :, None]  # [B, T, N, N, 3], from sender j to receiver i
        distance = (relative.square().sum(dim=-1) + 1e-6).sqrt()
        edges = context.edges.expand(*distance.shape, -1)
        pair = self.pair(torch.cat([self.radial(distance), edges], dim=-1))
        # in place: each sum of its own would go through memory once more
        pair = pair.add_(receiver[:, :, :, None]).add_(sender[:, :, None])
        message = nn.functional.silu(self.message(nn.functional.silu(pair)))
        gates = self.gates(message).float() * context.pairs
        unit = relative / (distance + 1.0)[..., None]
        to_x, radial_gate, mix_gate = gates.split([1, self.channels, self.channels], dim=-1)
        carried = radial_gate[..., None, :] * unit[..., None] + mix_gate[..., None, :] * v[:, :, None]
        # the sum over senders as a matrix product: what passes no message has weight 0
        gathered = (context.pairs.transpose(-1, -2).to(message.dtype) @ message).squeeze(-2)
        return (to_x * unit).sum(dim=3), carried.sum(dim=3), gathered


class OrientedTriples(nn.Module):
    """Chirality: the signed volume of three neighbours of a stereocentre, and the pushes that correct it.

    Equations (11) and (12) of docs/method.md.

    With u the relative vectors from the centre i to its neighbours a, b, c, scaled by 1/(1 + length), and s the sign
    of the wanted isomer, the pseudo-scalar s det[u_a, u_b, u_c] feeds the scalars of all four atoms, and the vectors
    s (u_b x u_c) and their cyclic partners, gated by the scalars, move a, b, c and, the other way, i.
    Both are unchanged when b and c change places, for s changes its sign too.
    """

    def __init__(self, hidden: int, channels: int, inner: int = 48) -> None:
        super().__init__()
        self.hidden, self.channels = hidden, channels
        self.centre = nn.Linear(hidden, inner)
        self.arm = nn.Linear(hidden, inner, bias=False)
        self.volume = nn.Linear(3, inner, bias=False)
        self.scalars = nn.Linear(inner, 2 * hidden)
        self.gates = nn.Linear(inner, 2 + 2 * channels)
        damp(self.scalars)

    def forward(self, state: State, context: Context) -> State:
        stereo = context.stereo
        if stereo is None:
            return state
        x, h, v = state
        rows = _frame_rows(stereo.atoms, *x.shape[1:3])  # [S, 4, T]
        sign = stereo.signs[:, None, None, None]
        at = _rows(x, rows)  # [S, 4, T, 3]
        u = at[:, 1:] - at[:, :1]  # [S, 3, T, 3]
        u = u / (u.square().sum(dim=-1, keepdim=True).add(1e-6).sqrt() + 1.0)
        cross = torch.linalg.cross(u.roll(-1, dims=1), u.roll(-2, dims=1), dim=-1) * sign
        volume = (u * cross).sum(dim=-1, keepdim=True)  # s det[u_a, u_b, u_c], the same for the three arms
        features = torch.cat([volume, (4 * volume).tanh(), volume.square()], dim=-1)
        scalar = _rows(h, rows)  # [S, 4, T, hidden]
        inner = self.centre(scalar[:, :1]) + self.arm(scalar[:, 1:]) + self.volume(features)
        inner = nn.functional.silu(inner)  # [S, 3, T, inner]
        h = _add_rows(h, rows, self.scalars(inner).float())
        gates = self.gates(inner).float()  # [S, 3, T, 2 + 2 channels]
        to_x, to_v = gates.split([2, 2 * self.channels], dim=-1)
        moves = (to_x * to_x.new_tensor([1.0, -1.0]))[..., None] * cross[..., None, :]
        x = _add_rows(x, rows, moves.flatten(-2))
        pushes = to_v.unflatten(-1, (2, 1, self.channels)) * cross[..., None, :, None]  # [S, 3, T, 2, 3, channels]
        return State(x, h, _add_rows(v.flatten(-2), rows, pushes.flatten(-3)).view_as(v))


def _frame_rows(atoms: Tensor, frames: int, per_frame: int) -> Tensor:
    """Rows of the batch's B N atoms [S, 4] as rows of its B T N atoms in frames: [S, 4, T]."""
    first = atoms // per_frame * (frames * per_frame) + atoms % per_frame
    return first[..., None] + torch.arange(frames, device=atoms.device) * per_frame


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """Values [B, T, N, F] at rows [S, 4, T] of the atoms in frames: [S, 4, T, F]."""
    return values.flatten(0, 2).index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _add_rows(to: Tensor, rows: Tensor, values: Tensor) -> Tensor:
    """Add values [S, 3, T, 2 F], first half for each arm and second half for the centre, to [B, T, N, F]."""
    to_arm, to_centre = values.chunk(2, dim=-1)
    each = torch.cat([to_centre.sum(dim=1, keepdim=True), to_arm], dim=1)
    return to.flatten(0, 2).index_add(0, rows.flatten(), each.flatten(0, 2).to(to.dtype)).view_as(to)


class Transition(nn.Module):
    """Gated mixing of scalars and vectors at each atom.

    kernel : function or None
        Computes `mixed` in its place, from the layer and the same argument; `models.compiled` puts it there.
    """

    kernel: Callable[..., State] | None = None

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.hidden, self.channels = hidden, channels
        self.norm = nn.LayerNorm(hidden)
        self.left = nn.Linear(channels, channels, bias=False)
        self.right = nn.Linear(channels, channels + 1, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(hidden + 2 * channels, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden + channels + 1)
        )
        damp(cast(nn.Linear, self.mlp[2]))

    def forward(self, state: State) -> State:
        return (self.kernel or Transition.mixed)(self, state)

    def mixed(self, state: State) -> State:
        """The next state."""
        x, h, v = state[0], state[1], bounded(state[2])
        with torch.autocast(device_type=v.device.type, enabled=False):
            left = self.left(v)
            right, push = self.right(v).split([self.channels, 1], dim=-1)
            products = (left * right).sum(dim=-2)
            lengths = (right.square().sum(dim=-2) + 1e-6).sqrt()
        inputs = torch.cat([self.norm(h), products.to(h.dtype), lengths.to(h.dtype)], dim=-1)
        scalars, gates, gate_x = self.mlp(inputs).split([self.hidden, self.channels, 1], dim=-1)
        v = v + gates.float()[..., None, :] * left
        x = x + gate_x.float() * push.squeeze(-1)
        return State(x, h + scalars, v)


class StructureLayer(nn.Module):
    """f_ES: pair messages, oriented triples, transition.

    kernel : function or None
        Computes `one_by_one` in its place, from the same arguments; `models.compiled` puts it there.
    """

    kernel: Callable[..., State] | None = None

    def __init__(self, hidden: int, channels: int, radial: int = 24, reach: float = 14.0) -> None:
        super().__init__()
        self.messages = PairMessages(hidden, channels, radial, reach)
        self.triples = OrientedTriples(hidden, channels)
        self.transition = Transition(hidden, channels)

    def forward(self, state: State, context: Context) -> State:
        return (self.kernel or one_by_one)([self], state, context)


def one_by_one(layers: Iterable[StructureLayer], state: State, context: Context) -> State:
    """The state behind the last of some layers, part by part."""
    for layer in layers:
        state = layer.transition(layer.triples(layer.messages(state, context), context))
    return state
