"""Heavy-atom frames from a model: conditioning, blocks, seeds, retries. The tasks are in `generation`."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from eginterpolator.chemistry.codes import TEMPERATURE_K, ensemble_code
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.memory import NoiseMemory
from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import GenerationError
from eginterpolator.generation.wells import shuffled_within_wells
from eginterpolator.machine.cores import on_cores, shares
from eginterpolator.models.ahead import Settings, fast_denoiser
from eginterpolator.models.choice import has_time
from eginterpolator.models.compiled import with_kernels
from eginterpolator.models.conditions import holds_axes
from eginterpolator.models.registry import Model
from eginterpolator.nn.graph_batch import GraphBatch, centre

log = logging.getLogger(__name__)

ATTEMPTS = 3
WINDOW = 64
"""Frames that a structure model sees at once, which is of no matter to them."""
SPAN = 512
"""Frames that are drawn together where their noise has a memory. Its eigenvectors cost the cube of that."""
PAIR_BUDGET = {"cpu": 11_000, "kernels": 64_000, "cuda": 400_000}
"""Frames x atoms^2 in one pass of the network. On a processor a pass is fastest where its messages, 64 floats a pair,
stay near the cache; kernels hold none, and take more for what each operation costs (docs/performance.md). The figure
for a GPU is a guess, as none was at hand."""


@dataclass(frozen=True)
class Given:
    """Conditioning frames, float32 [N, 3] Å, centred; None where the task has none."""

    first: np.ndarray | None = None
    last: np.ndarray | None = None


def window_frames(model: Model) -> int:
    """Frames that the network sees at once."""
    return max(2, int(model.config.get("window") or (SPAN if has_time(model) else WINDOW)))


def block_frames(model: Model) -> int:
    """The most frames that are drawn together: a window, or `SPAN` where the noise has a memory or none was set."""
    window = window_frames(model)
    return max(SPAN, window) if model.process.memory.scale or not model.config.get("window") else window


def derive_seed(run: int, molecule: Molecule, sample: int, block: int, attempt: int) -> int:
    """Seed of one sample: it depends on what is sampled, not on batch, order or number of workers."""
    text = f"{run}|{molecule.smiles}|{molecule.seed_name}|{sample}|{block}|{attempt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


class Sampler:
    """Draws frames of one molecule from a model.

    The network sees windows of a length that it was trained on. Where the noise has a memory, up to `SPAN` frames are
    drawn together: the noise connects their windows, which lie half a window further in every other pass, so that none
    ends at the same frame twice in a row.

    Parameters
    ----------
    model : Model
    molecule : Molecule
    config : SamplerConfig
    seed : int
        The run's seed.
    strength : float
        lambda in [0, 1]; at 0 the noise has no memory either, and frames are independent.
    frame_ps : float
        Spacing of the frames.
    ensemble : str
        One of SAMPLES.
    precision : 'fp32' or 'bf16'
    temperature_K : float
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
        temperature_K: float = TEMPERATURE_K,
    ) -> None:
        self.model, self.molecule, self.config, self.seed = model, molecule, config, seed
        self.strength, self.frame_ps, self.precision = strength, frame_ps, precision
        self.seen = window_frames(model)
        self.device = next(model.denoiser.parameters()).device
        self.on_cpu = self.device.type == "cpu"
        self.settings = Settings(precision, frame_ps)
        kernels = with_kernels(model.denoiser, precision) if self.on_cpu else None
        compiled = fast_denoiser(model.denoiser, self.settings) if self.on_cpu and not kernels else None
        self.kernels, self.compiled = kernels is not None, compiled is not None
        self.denoiser = kernels or compiled or model.denoiser
        single = featurize(molecule, axes=holds_axes(model.config))
        graph = collate_graphs([single], [ensemble_code(ensemble)], temperatures=[temperature_K])
        self.graph = graph.to(self.device)
        self.levels = [float(level) for level in config.levels or model.process.levels(config.steps)]
        self._memory = model.process.memory if strength > 0 else NoiseMemory()

    def batch_size(self, n_frames: int) -> int:
        """Samples of `n_frames` frames that fit one pass of the network."""
        budget = PAIR_BUDGET["kernels" if self.kernels else self.device.type]
        return max(1, budget // (min(n_frames, self.seen) * self.molecule.n_heavy**2))

    def draw(
        self,
        samples: Sequence[int],
        n_frames: int,
        given: Sequence[Given],
        block: int = 0,
        progress: Callable[[int], None] = lambda calls: None,
    ) -> np.ndarray:
        """Sample a block of frames for each of `samples`, float32 [len(samples), n_frames, N, 3] Å, centred.

        A sample that comes out with non-finite coordinates is drawn again with another seed. Where the noise has a
        memory, frames are then `shuffled_within_wells`; given frames stay where they are.

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
                for k, sample in enumerate(samples):
                    result[k] = result[k][self._order(result[k], given[k], sample, block)]
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
        modes = self._memory.modes(predicted[:1], graph.times_ps[:1], self.frame_ps)
        passes = itertools.count()

        def noise() -> Tensor:
            drawn = [torch.randn((n_frames, n_atoms, 3), generator=generator) for generator in generators]
            return centre(torch.stack(drawn).to(self.device), graph.mask)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            x = torch.where(predicted[..., None, None], modes.frames(x), fixed)
            levels = torch.where(predicted, torch.full_like(predicted, sigma, dtype=x.dtype), x.new_zeros(()))

            @torch.no_grad()  # in whichever thread
            def together(windows: list[slice], check: Callable[[], None]) -> Tensor:
                noisy, level, asked = (torch.cat([each[:, w] for w in windows]) for each in (x, levels, predicted))
                with self.settings.autocast(self.device.type):
                    clean: Tensor = self.denoiser(
                        noisy, level, _repeat(self.graph, len(noisy)), asked, self.frame_ps, self.strength
                    )
                return torch.cat(clean.chunk(len(windows)), dim=1)

            groups = self._windows(n_frames, next(passes), count)
            small = min(n_frames, self.seen) * n_atoms**2 * count <= PAIR_BUDGET["cpu"]
            parts = (
                on_cores(together, groups, small) if self.on_cpu else [together(each, lambda: None) for each in groups]
            )
            progress(count)
            return modes.coefficients(torch.cat(parts, dim=1))

        first = torch.as_tensor(modes.level(self.levels[0])).to(self.device, torch.float32) * noise()
        # weights are rounded to bf16 once for all passes: PyTorch keeps them until the outermost context ends
        with torch.autocast(self.device.type, enabled=False):
            x = modes.frames(self.config.run(denoise, first, self.levels, noise, modes.level))
        return torch.where(predicted[..., None, None], x, fixed).float().cpu().numpy()

    def _order(self, frames: np.ndarray, given: Given, sample: int, block: int) -> np.ndarray:
        """The order of the frames [T, N, 3] of a sample, int64 [T]."""
        if not self._memory.scale:
            return np.arange(len(frames))
        slow = shipped_times().of_torsions(self.molecule) > self.frame_ps
        movable = np.ones(len(frames), dtype=bool)
        movable[0], movable[-1] = given.first is None, given.last is None
        random = np.random.default_rng(derive_seed(self.seed, self.molecule, sample, block, ATTEMPTS))
        return shuffled_within_wells(torsions(frames, torsion_quadruples(self.molecule)[slow]), movable, random)

    def _windows(self, n_frames: int, number: int, count: int) -> list[list[slice]]:
        """The windows of pass `number` over `count` samples; those of one length go through the network together, as
        many as fit and some for each core."""
        shift = self.seen // 2 if number % 2 and self.seen < n_frames else 0
        edges = [0, *range(self.seen - shift, n_frames, self.seen), n_frames]
        threads = torch.get_num_threads() if self.on_cpu else 1
        groups = []
        for _, same in itertools.groupby(itertools.pairwise(edges), key=lambda ends: ends[1] - ends[0]):
            windows = [slice(*ends) for ends in same]
            most = min(max(1, self.batch_size(self.seen) // count), -(-len(windows) // threads))
            groups += [windows[part.start : part.stop] for part in shares(len(windows), most, threads)]
        return groups

    def _conditioning(self, given: Sequence[Given], n_frames: int) -> tuple[Tensor, Tensor]:
        fixed = torch.zeros((len(given), n_frames, self.molecule.n_heavy, 3))
        predicted = torch.ones((len(given), n_frames), dtype=torch.bool)
        for k, frames in enumerate(given):
            for index, frame in ((0, frames.first), (-1, frames.last)):
                if frame is not None:
                    fixed[k, index] = torch.from_numpy(frame)
                    predicted[k, index] = False
        return fixed.to(self.device), predicted.to(self.device)


def _repeat(graph: GraphBatch, count: int) -> GraphBatch:
    repeated = {name: value.repeat(count, *([1] * (value.ndim - 1))) for name, value in vars(graph).items()}
    return replace(graph, **repeated)
