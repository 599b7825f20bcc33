"""Heavy-atom frames from a model: conditioning, blocks, seeds, retries. The tasks are in `generation`."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import GenerationError
from eginterpolator.graph import ENSEMBLES, featurize
from eginterpolator.models.registry import Model
from eginterpolator.molecule import Molecule
from eginterpolator.nn.graph_batch import GraphBatch, centre

log = logging.getLogger(__name__)

ATTEMPTS = 3
PAIR_BUDGET = {"cpu": 11_000, "cuda": 400_000}
"""Frames x atoms^2 in one pass of the network. On a processor a pass is fastest where its messages, 64 floats a pair,
stay near the cache (docs/performance.md); the figure for a GPU is a guess, as none was at hand."""


@dataclass(frozen=True)
class Given:
    """Conditioning frames, float32 [N, 3] Å, centred; None where the task has none."""

    first: np.ndarray | None = None
    last: np.ndarray | None = None


def derive_seed(run: int, molecule: Molecule, sample: int, block: int, attempt: int) -> int:
    """Seed of one sample: it depends on what is sampled, not on batch, order or number of workers."""
    text = f"{run}|{molecule.smiles}|{molecule.name}|{sample}|{block}|{attempt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


class Sampler:
    """Draws windows of frames of one molecule from a model.

    Parameters
    ----------
    model : Model
    molecule : Molecule
    config : SamplerConfig
    seed : int
        The run's seed.
    strength : float
        lambda in [0, 1].
    frame_ps : float
        Spacing of the frames.
    ensemble : str
        One of ENSEMBLES.
    precision : 'fp32' or 'bf16'
    """

    def __init__(
        self,
        model: Model,
        molecule: Molecule,
        config: SamplerConfig,
        seed: int,
        strength: float = 1.0,
        frame_ps: float = 5.2,
        ensemble: str = "thermal",
        precision: str = "fp32",
    ) -> None:
        self.model, self.molecule, self.config, self.seed = model, molecule, config, seed
        self.strength, self.frame_ps, self.precision = strength, frame_ps, precision
        self.device = next(model.denoiser.parameters()).device
        graph = collate_graphs([featurize(molecule)], [ENSEMBLES.index(ensemble)])
        self.graph = graph.to(self.device)
        self.levels = [float(level) for level in model.process.levels(config.steps)]

    def batch_size(self, n_frames: int) -> int:
        """Samples that fit one pass of the network."""
        return max(1, PAIR_BUDGET[self.device.type] // (n_frames * self.molecule.n_heavy**2))

    def window(
        self,
        samples: Sequence[int],
        n_frames: int,
        given: Sequence[Given],
        block: int = 0,
        progress: Callable[[int], None] = lambda calls: None,
    ) -> np.ndarray:
        """Sample one window for each of `samples`, float32 [len(samples), n_frames, N, 3] Å, centred.

        A sample that comes out with non-finite coordinates is drawn again with another seed.

        Raises
        ------
        GenerationError
            When a sample is not finite after three attempts.
        """
        result = np.empty((len(samples), n_frames, self.molecule.n_heavy, 3), dtype=np.float32)
        missing = list(range(len(samples)))
        for attempt in range(ATTEMPTS):
            seeds = [derive_seed(self.seed, self.molecule, samples[k], block, attempt) for k in missing]
            result[missing] = self._draw(seeds, n_frames, [given[k] for k in missing], progress)
            missing = [k for k in missing if not np.isfinite(result[k]).all()]
            if not missing:
                return result
            log.warning("%s: samples %s are not finite, drawn again", self.molecule.name, [samples[k] for k in missing])
        raise GenerationError(
            f"Sample {samples[missing[0]]} of '{self.molecule.name}' has coordinates that are not finite after "
            f"{ATTEMPTS} attempts; try another --seed, more --steps, or --precision fp32."
        )

    @torch.no_grad()
    def _draw(
        self, seeds: Sequence[int], n_frames: int, given: Sequence[Given], progress: Callable[[int], None]
    ) -> np.ndarray:
        count, n_atoms = len(seeds), self.molecule.n_heavy
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        graph = _repeat(self.graph, count)
        fixed, predicted = self._conditioning(given, n_frames)
        modes = self.model.process.memory.modes(predicted, self.frame_ps)

        def noise() -> Tensor:
            drawn = [torch.randn((n_frames, n_atoms, 3), generator=generator) for generator in generators]
            return centre(torch.stack(drawn).to(self.device), graph.mask)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            progress(count)
            x = torch.where(predicted[..., None, None], modes.frames(x), fixed)
            levels = torch.where(predicted, torch.full_like(predicted, sigma, dtype=x.dtype), x.new_zeros(()))
            with self._autocast():
                clean = self.model.denoiser(x, levels, graph, predicted, self.frame_ps, self.strength)
            return modes.coefficients(clean)

        first = torch.as_tensor(modes.level(self.levels[0])).to(self.device, torch.float32) * noise()
        x = modes.frames(self.config.run(denoise, first, self.levels, noise, modes.level))
        return torch.where(predicted[..., None, None], x, fixed).float().cpu().numpy()

    def _conditioning(self, given: Sequence[Given], n_frames: int) -> tuple[Tensor, Tensor]:
        fixed = torch.zeros((len(given), n_frames, self.molecule.n_heavy, 3))
        predicted = torch.ones((len(given), n_frames), dtype=torch.bool)
        for k, frames in enumerate(given):
            for index, frame in ((0, frames.first), (-1, frames.last)):
                if frame is not None:
                    fixed[k, index] = torch.from_numpy(frame)
                    predicted[k, index] = False
        return fixed.to(self.device), predicted.to(self.device)

    def _autocast(self) -> contextlib.AbstractContextManager:
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()


def _repeat(graph: GraphBatch, count: int) -> GraphBatch:
    repeated = {name: value.repeat(count, *([1] * (value.ndim - 1))) for name, value in vars(graph).items()}
    return replace(graph, **repeated)
