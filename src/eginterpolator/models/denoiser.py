"""What every trained denoiser offers to training and sampling, whatever network is inside."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from eginterpolator.diffusion.process import NoiseProcess
from eginterpolator.models.interpolator import BlockwiseInterpolator, CascadedInterpolator
from eginterpolator.models.structure import BasicES
from eginterpolator.nn.graph_batch import GraphBatch, centre


class Denoiser(nn.Module):
    """A network under a noise process."""

    network: nn.Module
    process: NoiseProcess

    @abstractmethod
    def raw(
        self,
        x: Tensor,
        sigma: Tensor,
        graph: GraphBatch,
        predicted: Tensor,
        frame_ps: float,
        strength: float = 1.0,
    ) -> Tensor:
        """Raw network output [B, T, N, 3].

        Parameters
        ----------
        x : [B, T, N, 3]
            Noisy frames, Å; conditioning frames clean.
        sigma : [B, T]
            Noise level of each frame, Å; 0 for conditioning frames.
        graph : GraphBatch
        predicted : bool [B, T]
            False for conditioning frames.
        frame_ps : float
            Spacing of the frames.
        strength : float
            lambda in [0, 1]: how much of the temporal network takes part.
        """

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        graph: GraphBatch,
        predicted: Tensor,
        frame_ps: float,
        strength: float = 1.0,
    ) -> Tensor:
        """Denoised frames [B, T, N, 3], centred; conditioning frames are returned as they came."""
        raw = self.raw(x, sigma, graph, predicted, frame_ps, strength)
        clean = centre(self.process.denoise(raw, x, sigma), graph.mask)
        return torch.where(predicted[..., None, None], clean, x)


class StructureDenoiser(Denoiser):
    """BasicES: every frame by itself."""

    network: BasicES

    def __init__(self, network: BasicES, process: NoiseProcess) -> None:
        super().__init__()
        self.network, self.process = network, process

    def raw(
        self,
        x: Tensor,
        sigma: Tensor,
        graph: GraphBatch,
        predicted: Tensor,
        frame_ps: float,
        strength: float = 1.0,
    ) -> Tensor:
        scaled = self.process.input_scale(sigma)[..., None, None] * centre(x, graph.mask)
        return self.network(scaled, self.process.label(sigma), graph)


class InterpolatorDenoiser(Denoiser):
    """An interpolator: frames together."""

    network: CascadedInterpolator | BlockwiseInterpolator

    def __init__(self, network: CascadedInterpolator | BlockwiseInterpolator, process: NoiseProcess) -> None:
        super().__init__()
        self.network, self.process = network, process

    @property
    def structure(self) -> StructureDenoiser:
        """The structure model inside; sampling it equals sampling this one with strength 0."""
        return StructureDenoiser(self.network.structure, self.process)

    def raw(
        self,
        x: Tensor,
        sigma: Tensor,
        graph: GraphBatch,
        predicted: Tensor,
        frame_ps: float,
        strength: float = 1.0,
    ) -> Tensor:
        each = sigma[..., None, None]
        scale_in = self.process.input_scale(each)
        scaled = scale_in * centre(x, graph.mask)
        label = self.process.label(sigma)
        skip = self.process.skip_scale(each) / scale_in
        scale_out = self.process.output_scale(each)
        return self.network(scaled, label, graph, predicted, frame_ps, strength, skip, scale_out)
