"""Endless training batches whose every random number is a function of (seed, step, rank).

That makes resuming exact: step n after a kill is the same as step n without one, data order and noise included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from eginterpolator.chemistry.codes import CHIRALITY_COLUMN
from eginterpolator.data.frames import FrameSet
from eginterpolator.nn.batch import Batch
from eginterpolator.nn.graph_batch import GraphBatch, centre

CONDITIONING = ("none", "first", "both")
ALL_RANKS = 2**32 - 1
"""In the place of a rank: the seed of what all ranks draw alike."""


@dataclass(frozen=True)
class Source:
    """A FrameSet and the share of batch rows drawn from it."""

    frames: FrameSet
    weight: float


class FrameBatches(IterableDataset):
    """Batches of windows of `n_frames` frames, `stride` stored frames apart; n_frames = 1 gives single structures.

    Parameters
    ----------
    sources : what to draw from, by weight; within a source every molecule has the same chance.
    batch_size : rows of a batch (molecules drawn with replacement), at most.
    n_frames, strides : window length and the strides to choose from, one for each step.
    conditioning : chances of (none, first, both) given frames.
    seed : of everything random.
    buckets : limits of heavy atoms. All rows of a step, on all ranks, lie between two of them and are padded to the
        upper one, so that small molecules do not cost what the largest does; none pads every batch to the largest.
        Each molecule keeps its chance.
    batch_atoms : heavy atoms of a batch, padding included, above which it has fewer rows; 0 sets no limit. A step of
        large molecules then costs about what one of small molecules does, and comes the more often.
    mirror : chance that a row is replaced by its mirror image, stereo labels included (an exact symmetry).
    """

    def __init__(
        self,
        sources: Sequence[Source],
        batch_size: int,
        n_frames: int = 1,
        strides: Sequence[int] = (1,),
        conditioning: Sequence[float] = (1.0, 0.0, 0.0),
        seed: int = 0,
        mirror: float = 0.5,
        buckets: Sequence[int] = (),
        batch_atoms: int = 0,
    ) -> None:
        super().__init__()
        self.sources, self.n_frames, self.strides = sources, n_frames, strides
        self.conditioning, self.seed, self.mirror = conditioning, seed, mirror
        self.start_step, self.rank = 0, 0
        largest = sources[0].frames.codes.shape[1]
        self.sizes = [*sorted(limit for limit in set(buckets) if limit < largest), largest]
        bucket_of = [np.searchsorted(self.sizes, source.frames.n_atoms) for source in sources]
        self.members = [[np.flatnonzero(each == k) for k in range(len(self.sizes))] for each in bucket_of]
        share = np.array(
            [[len(m) / len(s.frames) for m in each] for each, s in zip(self.members, sources, strict=True)]
        )
        weights = np.array([source.weight for source in sources])
        self.chances = share * (weights / weights.sum())[:, None]  # [source, bucket]
        limits = [batch_atoms // (size * n_frames) if batch_atoms else batch_size for size in self.sizes]
        self.batch_sizes = np.clip(limits, 1, batch_size)
        steps = self.chances.sum(axis=0) / self.batch_sizes
        self.step_chances = steps / steps.sum()  # [bucket]

    @property
    def mean_rows(self) -> float:
        """Rows of a batch, in the mean over steps."""
        return float(self.step_chances @ self.batch_sizes)

    def __iter__(self) -> Iterator[Batch]:
        step = self.start_step
        while True:
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> Batch:
        """The batch of one step on this rank."""
        shared, random = (np.random.default_rng((self.seed, step, which)) for which in (ALL_RANKS, self.rank))
        # what a step costs is the same on all ranks, which wait for each other
        stride = int(shared.choice(np.asarray(self.strides)))
        bucket = int(shared.choice(len(self.sizes), p=self.step_chances)) if len(self.sizes) > 1 else 0
        chances, size = self.chances[:, bucket], int(self.batch_sizes[bucket])
        counts = random.multinomial(size, chances / chances.sum())
        parts = [self._rows(k, bucket, int(n), stride, random) for k, n in enumerate(counts) if n]
        graph, positions, frame_ps = parts[0] if len(parts) == 1 else _join(parts)
        flip = random.random(size) < self.mirror
        graph, x0 = _mirror(graph, torch.from_numpy(positions), torch.from_numpy(flip))
        noise = torch.from_numpy(random.standard_normal(x0.shape, dtype=np.float32))
        predicted = torch.ones(x0.shape[:2], dtype=torch.bool)
        given = random.choice(len(CONDITIONING), size=size, p=np.asarray(self.conditioning))
        predicted[given >= 1, 0] = False
        predicted[given == 2, -1] = False
        uniform = torch.from_numpy(random.uniform(1e-5, 1 - 1e-5, (size, 1)).astype(np.float32))
        return Batch(graph, centre(x0, graph.mask), centre(noise, graph.mask), uniform, predicted, frame_ps)

    def _rows(
        self, source: int, bucket: int, count: int, stride: int, random: np.random.Generator
    ) -> tuple[GraphBatch, np.ndarray, float]:
        frames, members, size = self.sources[source].frames, self.members[source][bucket], self.sizes[bucket]
        molecules = members[random.integers(len(members), size=count)]
        span = (self.n_frames - 1) * stride + 1
        replica = random.integers(frames.replicas[molecules])
        offset = random.integers(frames.length[molecules] - span + 1)
        first = frames.start[molecules] + replica * frames.length[molecules] + offset
        index = first[:, None] + np.arange(self.n_frames) * stride
        spacing = float(frames.frame_ps[molecules].max()) * stride
        return frames.graphs(molecules, size, first), frames.positions[index, :size], spacing


def _join(parts: list[tuple[GraphBatch, np.ndarray, float]]) -> tuple[GraphBatch, np.ndarray, float]:
    graphs = [part[0] for part in parts]
    joined = GraphBatch(*(torch.cat([getattr(g, name) for g in graphs]) for name in vars(graphs[0])))
    return joined, np.concatenate([part[1] for part in parts]), max(part[2] for part in parts)


def _mirror(graph: GraphBatch, x: Tensor, flip: Tensor) -> tuple[GraphBatch, Tensor]:
    """Mirror the rows where `flip` [B] is true: coordinates, wanted signs and R/S labels."""
    sign = 1.0 - 2.0 * flip.float()
    column = graph.codes[..., CHIRALITY_COLUMN]
    swapped = torch.where(flip[:, None] & (column > 0), 3 - column, column)
    codes = graph.codes.clone()
    codes[..., CHIRALITY_COLUMN] = swapped
    return replace(graph, codes=codes, signs=graph.signs * sign[:, None]), x * sign[:, None, None, None]
