"""What every trained denoiser offers to training and sampling, whatever network is inside."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eginterpolator.diffusion.loss import add_noise, denoising_loss
from eginterpolator.diffusion.process import NoiseProcess
from eginterpolator.models.baselines.autoregressive import AutoregressiveEGNN
from eginterpolator.models.baselines.confgf import ConfGF, pair_noise
from eginterpolator.models.baselines.geodiff import GeoDiff
from eginterpolator.models.baselines.geotdm import GeoTDM
from eginterpolator.models.interpolator import Interpolator, Mixing, Strength
from eginterpolator.models.structure import BasicES
from eginterpolator.nn.embeddings import AtomEmbedding
from eginterpolator.nn.graph_batch import GraphBatch, centre

if TYPE_CHECKING:
    from eginterpolator.nn.batch import Batch


@dataclass(frozen=True)
class NoisyFrames:
    """What is denoised.

    Attributes
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
    strength : float or [B, 1, 1, 1]
        lambda in [0, 1]: how much of the temporal network takes part.
    """

    x: Tensor
    sigma: Tensor
    graph: GraphBatch
    predicted: Tensor
    frame_ps: float
    strength: Strength = 1.0


class Denoiser(nn.Module):
    """A network under a noise process."""

    network: nn.Module
    process: NoiseProcess

    def __init__(self, network: nn.Module, process: NoiseProcess) -> None:
        super().__init__()
        self.network, self.process = network, process

    def sharing(self) -> Denoiser:
        """A copy of modules only: weights and noise process are the same objects, so what changes in one changes in
        the other."""
        shared = {id(part): part for part in (self.process, *self.parameters())}
        return copy.deepcopy(self, shared)

    def told_conditions(self) -> tuple[int, bool]:
        """How many of `ENSEMBLES` the network tells apart, and whether it is told the temperature."""
        atoms = [part for part in self.network.modules() if isinstance(part, AtomEmbedding)]
        told = [(part.ensemble.num_embeddings, part.temperature is not None) for part in atoms]
        return min((count for count, _ in told), default=1), bool(told) and all(kelvin for _, kelvin in told)

    def inputs(self, noisy: NoisyFrames) -> tuple[Tensor, Tensor, GraphBatch]:
        """What every network sees: frames [B, T, N, 3], centred and times c_in; labels of the noise [B, T]; graphs."""
        scaled = self.process.input_scale(noisy.sigma)[..., None, None] * centre(noisy.x, noisy.graph.mask)
        return scaled, self.process.label(noisy.sigma), noisy.graph

    @abstractmethod
    def raw(self, noisy: NoisyFrames) -> Tensor:
        """Raw network output [B, T, N, 3]."""

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        graph: GraphBatch,
        predicted: Tensor,
        frame_ps: float,
        strength: Strength = 1.0,
    ) -> Tensor:
        """Denoised frames [B, T, N, 3], centred, of `NoisyFrames`; conditioning frames are returned as they came."""
        raw = self.raw(NoisyFrames(x, sigma, graph, predicted, frame_ps, strength))
        clean = centre(self.process.denoise(raw, x, sigma), graph.mask)
        return torch.where(predicted[..., None, None], clean, x)

    def loss(self, batch: Batch, align: bool) -> tuple[Tensor, Tensor]:
        """Training loss of each frame [B, T], 0 for given ones, and its noise level [B, T] in Å.

        `align` rotates the noisy frames onto the clean ones first; see `add_noise`.
        """
        level = self.process.sample_sigma(batch.uniform)
        sigma = torch.where(batch.predicted, level, torch.zeros_like(level))
        modes = self.process.memory.modes(batch.predicted, batch.graph.times_ps, batch.frame_ps)
        noise = modes.noise(batch.noise, level)
        x, x0 = add_noise(batch.x0, sigma, noise, batch.graph.mask, align)
        raw = self.raw(NoisyFrames(x, sigma, batch.graph, batch.predicted, batch.frame_ps))
        # `level` everywhere: at 0 the target of a given frame would divide by zero; its loss is left out
        loss = denoising_loss(self.process, raw, x0, x, level.expand_as(sigma), batch.graph.mask, batch.predicted)
        return loss, sigma


class StructureDenoiser(Denoiser):
    """A network of single structures, BasicES or GeoDiff: every frame by itself."""

    network: BasicES | GeoDiff | ConfGF

    def raw(self, noisy: NoisyFrames) -> Tensor:
        return self.network(*self.inputs(noisy))


class InterpolatorDenoiser(Denoiser):
    """An interpolator: frames together, down to the noise level where the memory of their noise ends.

    Below it the noise is white and the structure network works alone: what is decided there, bond lengths and most
    angles, has forgotten everything a frame later.
    """

    network: Interpolator

    @property
    def structure(self) -> StructureDenoiser:
        """The structure model inside; sampling it equals sampling this one with strength 0."""
        return StructureDenoiser(self.network.structure, self.process)

    def raw(self, noisy: NoisyFrames) -> Tensor:
        each = noisy.sigma[..., None, None]
        mixing = Mixing(
            strength=self._strength(noisy.sigma, noisy.strength),
            skip=self.process.skip_scale(each) / self.process.input_scale(each),
            scale=self.process.output_scale(each),
        )
        return self.network(*self.inputs(noisy), noisy.predicted, noisy.frame_ps, mixing)

    def _strength(self, sigma: Tensor, strength: Strength) -> Strength:
        together = sigma.amax(dim=1) > self.process.memory.end
        if together.all():
            return strength
        # in training the temporal network takes part all the same: without it a frozen model has no gradient at all
        if not together.any() and not torch.is_grad_enabled():
            return 0.0
        return strength * together[:, None, None, None]


class DistanceScoreDenoiser(StructureDenoiser):
    """ConfGF: trained on perturbed distances, sampled by the score of coordinates that follows from them."""

    network: ConfGF

    def loss(self, batch: Batch, align: bool) -> tuple[Tensor, Tensor]:
        """Score matching on distances, [B, T], and the noise level [B, T]; distances need no alignment."""
        sigma = self.process.sample_sigma(batch.uniform).expand(batch.predicted.shape)
        n_atoms = batch.x0.shape[2]
        noise = pair_noise(batch.uniform, (*sigma.shape, n_atoms, n_atoms))
        return self.network.distance_loss(batch.x0, sigma, noise, batch.graph), sigma


class WindowDenoiser(Denoiser):
    """A network of trajectories without a structure model inside: GeoTDM, AR+EGNN or AR+ET."""

    network: GeoTDM | AutoregressiveEGNN

    def raw(self, noisy: NoisyFrames) -> Tensor:
        """As `Denoiser.raw`; `strength` must be 1, which `generation.check_task` sees to."""
        return self.network(*self.inputs(noisy), noisy.predicted, noisy.frame_ps)
