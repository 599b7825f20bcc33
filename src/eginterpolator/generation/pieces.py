"""Pieces of simulated replicas: what paths are made of, some tens of picoseconds each.

Within a piece everything moves as MD moves it. From piece to piece wells follow by their rates (`paths`, `order`). A
piece of one frame is a frame that stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.jumps import Mover

PIECE_PS = 50.0
"""Length that pieces have, about. Longer ones would keep more of MD's memory and leave less to be put in order."""
LARGEST_SHARE = 0.25
"""Of a replica that a piece may be."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of P times L frames out of a pool of frames, and the wells of M movers where they begin and end.

    Attributes
    ----------
    frames : int64 [P, L]
        Numbers of the frames.
    heads, tails : int64 [P, M]
        Wells at the first and at the last of them.
    """

    frames: np.ndarray
    heads: np.ndarray
    tails: np.ndarray

    @property
    def length(self) -> int:
        """L, frames of a piece."""
        return int(self.frames.shape[1])

    @classmethod
    def single(cls, movers: Sequence[Mover], count: int) -> Pieces:
        """Every frame of the movers' own pool of `count` frames alone."""
        wells = np.stack([mover.wells for mover in movers], axis=1) if movers else np.empty((count, 0), dtype=np.int64)
        return cls(np.arange(count)[:, None], wells, wells)

    @classmethod
    def cut(cls, movers: Sequence[Mover], sizes: Sequence[int], every: int, length: int) -> Pieces:
        """Pieces of replicas of `sizes` frames, whose paths the movers know; every `every`-th frame is one of a path.

        Replicas are cut from their first frame on and, where not every frame is taken, from each that is passed over
        too, so that nearly all of their frames are in one piece. What is left at an end is in none.
        """
        found = []
        reach = every * length
        for first, size in zip(np.cumsum([0, *sizes])[:-1], sizes, strict=True):
            starts = [k for k in range(size) if (k // every) % length == 0 and k + reach - every < size]
            found.append(first + np.array(starts, dtype=np.int64)[:, None] + every * np.arange(length))
        frames = np.concatenate(found)
        paths = [np.concatenate(mover.paths) for mover in movers]
        wells = np.stack(paths, axis=1) if paths else np.empty((sum(sizes), 0), dtype=np.int64)
        return cls(frames, wells[frames[:, 0]], wells[frames[:, -1]])

    def filled(self, entries: np.ndarray, n_frames: int) -> np.ndarray:
        """Frames of paths of pieces [S, places], those that run backwards being ~number: int64 [S, n_frames]."""
        backwards = entries < 0
        frames = self.frames[np.where(backwards, ~entries, entries)]
        frames = np.where(backwards[..., None], frames[..., ::-1], frames)
        return frames.reshape(len(entries), -1)[:, :n_frames]


def piece_length(frame_ps: float, n_frames: int, replica_ps: float) -> int:
    """Frames of a piece: `PIECE_PS` of them, no more than a path has or than `LARGEST_SHARE` of a replica holds."""
    most = min(PIECE_PS, LARGEST_SHARE * replica_ps) / frame_ps
    return max(1, min(round(most), n_frames))
