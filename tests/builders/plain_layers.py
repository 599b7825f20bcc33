"""The structure and the temporal layer written down as plainly as PyTorch allows: what the fast ones must equal.

Edge by edge with concatenated inputs, stereo triple by stereo triple, and attention with all pairs of frames held in
memory, from the weights of a layer of the package. Slow, and free of every trick that the package's layers use;
`benchmarks/layers.py` measures against it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from eginterpolator.nn.attention import pairwise
from eginterpolator.nn.structure_layer import Context, OrientedTriples, PairMessages, State, StructureLayer, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention


def _shrunk(v: Tensor) -> Tensor:
    mean_square = v.pow(2).sum(-2).mean(-1)
    return v / torch.sqrt(1.0 + mean_square).unsqueeze(-1).unsqueeze(-1)


class PlainMessages(nn.Module):
    """`PairMessages` on a list of edges: gather both ends, concatenate, two linear layers, add up at the receivers."""

    def __init__(self, layer: PairMessages) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: State, context: Context) -> State:
        layer, channels = self.layer, self.layer.channels
        n_frames = state.x.shape[1]
        batch, i, j = torch.nonzero(context.pairs[:, 0, :, :, 0], as_tuple=True)
        b = batch.repeat_interleave(n_frames)
        t = torch.arange(n_frames).repeat(len(batch))
        i, j = i.repeat_interleave(n_frames), j.repeat_interleave(n_frames)
        x, h, v = state.x, state.h, _shrunk(state.v)
        normed = layer.norm(h) + layer.noise(context.noise).unsqueeze(2)
        relative = x[b, t, i] - x[b, t, j]
        distance = torch.sqrt(relative.pow(2).sum(-1) + 1e-6)
        reach = layer.radial.centres * (2.0**0.5)
        width = layer.radial.scale * 2.0**0.5
        radial = torch.exp(-0.5 * (torch.log1p(distance).unsqueeze(-1) * width - reach).pow(2))
        inputs = torch.cat([normed[b, t, i], normed[b, t, j], radial, context.edges[b, 0, i, j]], dim=-1)
        weight = torch.cat([layer.receiver.weight, layer.sender.weight, layer.pair.weight], dim=1)
        hidden = nn.functional.silu(nn.functional.linear(inputs, weight, layer.receiver.bias))
        message = nn.functional.silu(layer.message(hidden))
        gates = layer.gates(message)
        unit = relative / (distance + 1.0).unsqueeze(-1)
        to_x = gates[:, :1] * unit
        pushed = gates[:, 1 : 1 + channels].unsqueeze(-2) * unit.unsqueeze(-1)
        mixed = gates[:, 1 + channels :].unsqueeze(-2) * v[b, t, j]
        neighbours = context.pairs[:, 0, :, :, 0].sum(-1).clamp(min=1.0)[:, None, :, None]
        x = x + torch.zeros_like(x).index_put((b, t, i), to_x, accumulate=True) / neighbours
        carried = torch.zeros_like(v).index_put((b, t, i), pushed + mixed, accumulate=True)
        gathered = torch.zeros_like(h).index_put((b, t, i), message, accumulate=True) / neighbours.sqrt()
        h = h + layer.update(torch.cat([normed, gathered], dim=-1))
        return State(x, h, v + carried / neighbours.unsqueeze(-1))


class PlainTriples(nn.Module):
    """`OrientedTriples` in a loop over molecules and their stereocentres."""

    def __init__(self, layer: OrientedTriples) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: State, context: Context) -> State:
        layer, graph = self.layer, context.graph
        x, h, v = (part.clone() for part in state)
        for b in range(len(graph.signs)):
            for row in range(graph.signs.shape[1]):
                sign = graph.signs[b, row]
                if sign == 0:
                    continue
                atoms = graph.triples[b, row].tolist()
                centre, arms = atoms[0], atoms[1:]
                u = [state.x[b, :, arm] - state.x[b, :, centre] for arm in arms]
                u = [each / (torch.sqrt(each.pow(2).sum(-1, keepdim=True) + 1e-6) + 1.0) for each in u]
                for k, arm in enumerate(arms):
                    cross = sign * torch.linalg.cross(u[(k + 1) % 3], u[(k + 2) % 3])
                    volume = (u[k] * cross).sum(-1, keepdim=True)
                    features = torch.cat([volume, torch.tanh(4 * volume), volume.pow(2)], dim=-1)
                    inner = layer.centre(state.h[b, :, centre]) + layer.arm(state.h[b, :, arm]) + layer.volume(features)
                    inner = nn.functional.silu(inner)
                    for_arm, for_centre = layer.scalars(inner).chunk(2, dim=-1)
                    h[b, :, arm] = h[b, :, arm] + for_arm
                    h[b, :, centre] = h[b, :, centre] + for_centre
                    gates = layer.gates(inner).unsqueeze(-2) * cross.unsqueeze(-1)
                    x[b, :, arm] = x[b, :, arm] + gates[..., 0]
                    x[b, :, centre] = x[b, :, centre] - gates[..., 1]
                    arm_vectors, centre_vectors = gates[..., 2:].chunk(2, dim=-1)
                    v[b, :, arm] = v[b, :, arm] + arm_vectors
                    v[b, :, centre] = v[b, :, centre] + centre_vectors
        return State(x, h, v)


class PlainTransition(nn.Module):
    """`Transition` with the mixing of vectors written as sums over channels."""

    def __init__(self, layer: Transition) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: State) -> State:
        layer, channels = self.layer, self.layer.channels
        x, h, v = state.x, state.h, _shrunk(state.v)
        left = torch.einsum("oc,btndc->btndo", layer.left.weight, v)
        right = torch.einsum("oc,btndc->btndo", layer.right.weight, v)
        right, push = right[..., :channels], right[..., channels]
        products = (left * right).sum(-2)
        lengths = torch.sqrt(right.pow(2).sum(-2) + 1e-6)
        out = layer.mlp(torch.cat([layer.norm(h), products, lengths], dim=-1))
        scalars, gates, gate_x = out[..., : layer.hidden], out[..., layer.hidden : -1], out[..., -1:]
        return State(x + gate_x * push, h + scalars, v + gates.unsqueeze(-2) * left)


class PlainStructureLayer(nn.Module):
    """`StructureLayer` from the plain parts."""

    def __init__(self, layer: StructureLayer) -> None:
        super().__init__()
        self.messages = PlainMessages(layer.messages)
        self.triples = PlainTriples(layer.triples)
        self.transition = PlainTransition(layer.transition)

    def forward(self, state: State, context: Context) -> State:
        return self.transition(self.triples(self.messages(state, context), context))


class PlainAttention(nn.Module):
    """`TemporalAttention` with scores, weights and differences x_t - x_s of all pairs of frames in memory."""

    def __init__(self, layer: TemporalAttention) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: State, noisy: Tensor, context: Context, frame_ps: float) -> State:
        layer, x, v = self.layer, state.x, state.v
        heads, per_head, width = layer.heads, layer.per_head, layer.width
        n_batch, n_frames, n_atoms = x.shape[:3]
        normed = layer.norm(state.h) + layer.noise(context.noise).unsqueeze(2)
        out = layer.scalars(normed)
        shape = (n_batch, n_frames, n_atoms, heads)
        q, k, value = (part.reshape(*shape, width) for part in out[..., : 3 * heads * width].chunk(3, dim=-1))
        gates = out[..., 3 * heads * width :].reshape(*shape, 1 + per_head)
        phi, gate = gates[..., 0], gates[..., 1:]
        vectors = torch.cat([x.unsqueeze(-1), (noisy - x).unsqueeze(-1), v], dim=-1)
        mixed = torch.einsum("oc,btndc->btndo", layer.vectors.weight, vectors)
        parts = (part.reshape(*shape[:3], 3, heads, per_head) for part in mixed.chunk(3, dim=-1))
        vq, vk, vv = (part.transpose(3, 4) for part in parts)  # [B, T, N, heads, 3, per_head]
        vv = gate.unsqueeze(-2) * vv
        scores = torch.einsum("btnhd,bsnhd->bnhts", q, k) + torch.einsum("btnhdp,bsnhdp->bnhts", vq, vk)
        scale = (width + 3 * per_head) ** -0.5
        weights = torch.softmax(scores * scale + pairwise(layer.lag(n_frames, frame_ps)), dim=-1)
        scalar = torch.einsum("bnhts,bsnhd->btnhd", weights, value)
        difference = x.unsqueeze(2) - x.unsqueeze(1)  # [B, T, T, N, 3]
        moved = torch.einsum("bnhts,bsnh,btsnd->btnhd", weights, phi, difference)
        carried = torch.einsum("bnhts,bsnhdp->btndhp", weights, vv).flatten(4, 5)
        update = torch.einsum("oc,btndc->btndo", layer.out_vectors.weight, carried)
        step = torch.einsum("oh,btnhd->btnod", layer.out_x.weight, moved).squeeze(-2)
        h = state.h + layer.out(scalar.flatten(-2))
        return State(x + step + update[..., 0], h, v + update[..., 1:])


PLAIN = {StructureLayer: PlainStructureLayer, TemporalAttention: PlainAttention, Transition: PlainTransition}


def make_plain(network: nn.Module) -> nn.Module:
    """Put the plain form in place of every layer of `network` that has one; weights stay the same objects."""
    for name, part in list(network.named_children()):
        kind = PLAIN.get(type(part))
        if kind is not None:
            setattr(network, name, kind(part))
        else:
            make_plain(part)
    return network
