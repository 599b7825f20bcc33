"""EGInterpolator: a temporal network mixed into a (frozen) structure network, blockwise or cascaded (SPEC section 3).

Both compute alpha x_s + (1 - alpha) x_t with alpha the sigmoid of learned scalars, and take the inference knob
`strength` lambda: alpha' = lambda alpha + (1 - lambda), so that lambda = 0 is the structure network, bit for bit. A
tensor [B, 1, 1, 1] gives each trajectory its own.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from eginterpolator.models.structure import BasicES, StructureSizes
from eginterpolator.nn.graph_batch import GraphBatch, centre
from eginterpolator.nn.structure_layer import Context, State
from eginterpolator.nn.temporal_layer import TemporalBlock

Strength = float | Tensor


@dataclass(frozen=True)
class Mixing:
    """What joins the two networks.

    Attributes
    ----------
    strength : float or [B, 1, 1, 1]
        lambda in [0, 1]: how much of the temporal network takes part.
    skip, scale : [B, T, 1, 1]
        They turn raw outputs into denoised frames, skip x + scale raw.
    """

    strength: Strength
    skip: Tensor
    scale: Tensor

    @property
    def absent(self) -> bool:
        """Whether no temporal network takes part at all."""
        return not isinstance(self.strength, Tensor) and self.strength == 0


class Mixer(nn.Module):
    """Learned alpha for coordinates and for features."""

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.full((2,), math.log(start / (1 - start))))

    def alpha(self, strength: Strength) -> tuple[Tensor, Tensor]:
        """alpha' of coordinates and of features, each of shape [] or of that of `strength`; (17) of docs/method.md."""
        x, h = torch.sigmoid(self.logits).unbind()
        return strength * x + (1.0 - strength), strength * h + (1.0 - strength)


class Interpolator(nn.Module):
    """A structure network, which a temporal network is mixed into.

    Parameters
    ----------
    structure : dict
        Hyperparameters of the BasicES.
    """

    def __init__(self, structure: StructureSizes) -> None:
        super().__init__()
        self.structure = BasicES(**structure)

    def freeze(self) -> None:
        """Keep the structure network as it is (not for the variants -N and -F)."""
        self.structure.requires_grad_(False)


class CascadedInterpolator(Interpolator):
    """The structure network once, then a temporal network on its result: eps' = alpha x~ + (1 - alpha) eps_phi(x~).

    Equation (19) of docs/method.md.

    The temporal network starts from the structure network's denoised frames, features and vectors, and knows the time
    of each atom's torsion over the spacing of the frames, which the memory of the noise follows from; a gate that the
    noise level opens, zero at the start, scales what it adds, so training begins at the structure model.

    Parameters
    ----------
    structure : dict
        Hyperparameters of the BasicES.
    hidden, channels, heads, blocks : int
        Of the temporal network.
    alpha : float
        Initial alpha.
    """

    def __init__(
        self,
        structure: StructureSizes,
        hidden: int = 96,
        channels: int = 16,
        heads: int = 8,
        blocks: int = 2,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(structure)
        self.features = nn.Linear(self.structure.hidden, hidden)
        self.vectors = nn.Linear(self.structure.channels + 2, channels, bias=False)
        self.noise = nn.Linear(self.structure.hidden, hidden)
        self.given = nn.Embedding(2, hidden)
        self.times = nn.Linear(1, hidden, bias=False)
        nn.init.zeros_(self.times.weight)
        self.blocks = nn.ModuleList(TemporalBlock(hidden, channels, heads) for _ in range(blocks))
        self.read_vectors = nn.Linear(channels, 1, bias=False)
        self.gate = nn.Linear(hidden, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        self.mixer = Mixer(alpha)

    def structure_pass(self, x: Tensor, label: Tensor, graph: GraphBatch) -> tuple[State, Context, Tensor]:
        """Structure network frame by frame: state, context and raw output; without gradients where frozen.

        Equation (18) of docs/method.md.
        """
        frozen = not any(p.requires_grad for p in self.structure.parameters())
        with torch.no_grad() if frozen else contextlib.nullcontext():
            state, context = self.structure.encode(x, label, graph)
            return state, context, self.structure.output(x, state, graph)

    def forward(
        self, x: Tensor, label: Tensor, graph: GraphBatch, predicted: Tensor, frame_ps: float, mixing: Mixing
    ) -> Tensor:
        """Raw output for scaled noisy frames x [B, T, N, 3].

        The temporal network starts from the denoised frames that `mixing` makes of raw outputs; for conditioning
        frames (`predicted` [B, T] false) that is the given frame itself.
        """
        encoded, context, raw = self.structure_pass(x, label, graph)
        if mixing.absent:
            return raw
        clean = mixing.skip * x + mixing.scale * raw
        given = ~predicted[..., None, None]
        times = torch.log1p(graph.times_ps / frame_ps)[:, None, :, None]
        h = self.features(encoded.h) + self.given((~predicted).long())[:, :, None] + self.times(times)
        with torch.autocast(device_type=x.device.type, enabled=False):
            v = self.vectors(torch.cat([torch.stack([x - clean, clean], dim=-1), encoded.v], dim=-1))
        temporal = context._replace(noise=self.noise(context.noise))
        state = State(clean, h.float(), v)
        for block in self.blocks:
            state = block(state, x, temporal, frame_ps)
        with torch.autocast(device_type=x.device.type, enabled=False):
            read = self.read_vectors(state.v).squeeze(-1)
            gate = self.gate(temporal.noise.float())[..., None]
        change = centre(state.x - clean + read, graph.mask)
        alpha, _ = self.mixer.alpha(mixing.strength)
        mixed = alpha * raw + (1 - alpha) * (raw + gate * change)
        return torch.where(given, torch.zeros_like(mixed), mixed)


class BlockwiseInterpolator(Interpolator):
    """One temporal block for each structure layer, mixed after every one of them (the published form).

    Equation (19a) of docs/method.md.

    Parameters
    ----------
    structure : dict
        Hyperparameters of the BasicES.
    heads : int
    alpha : float
        Initial alpha of every block.
    """

    def __init__(self, structure: StructureSizes, heads: int = 8, alpha: float = 0.5) -> None:
        super().__init__(structure)
        hidden, channels = self.structure.hidden, self.structure.channels
        self.given = nn.Embedding(2, hidden)
        nn.init.zeros_(self.given.weight)
        self.blocks = nn.ModuleList(TemporalBlock(hidden, channels, heads) for _ in self.structure.layers)
        self.mixers = nn.ModuleList(Mixer(alpha) for _ in self.structure.layers)

    def forward(
        self, x: Tensor, label: Tensor, graph: GraphBatch, predicted: Tensor, frame_ps: float, mixing: Mixing
    ) -> Tensor:
        """Raw output for scaled noisy frames x [B, T, N, 3]; arguments as in `CascadedInterpolator`."""
        state, context = self.structure.start(x, label, graph)
        moving = predicted[..., None, None]
        absent = mixing.absent
        if not absent:
            h = torch.where(moving, state.h, state.h + self.given.weight[1])
            state = state._replace(h=h)
        for layer, block, mixer in zip(self.structure.layers, self.blocks, self.mixers, strict=True):
            framewise = layer(state, context)
            if absent:
                state = framewise
                continue
            # conditioning frames enter the temporal block as they are: frozen layers see only noisy frames
            seen = State(*(_where(predicted, new, old) for new, old in zip(framewise, state, strict=True)))
            over_time = block(seen, x, context, frame_ps)
            alpha_x, alpha_h = cast(Mixer, mixer).alpha(mixing.strength)
            mixed_x = alpha_x * seen.x + (1 - alpha_x) * over_time.x
            state = State(
                torch.where(moving, mixed_x, x),
                alpha_h * seen.h + (1 - alpha_h) * over_time.h,
                alpha_h[..., None] * seen.v + (1 - alpha_h[..., None]) * over_time.v,
            )
        return self.structure.output(x, state, graph)


def _where(predicted: Tensor, new: Tensor, old: Tensor) -> Tensor:
    condition = predicted.reshape(*predicted.shape, *([1] * (new.ndim - 2)))
    return torch.where(condition, new.to(old.dtype), old)
