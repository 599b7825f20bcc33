"""Windows of replicas: starts without replacement, drawn afresh for each metric (SPEC section 5, A)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.evaluation.published_protocol.settings import (
    FRAME_PS,
    METRICS,
    ORACLE_WINDOWS,
    REPLICA_PS,
    REPLICAS,
    PublishedProtocol,
)


class ShortReference(InputError):
    """The reference has too few replicas, or too short ones, for the published protocol."""


def count_starts(n_stored: int, stride: int, n_frames: int) -> int:
    """In how many places of `n_stored` frames a window of `n_frames`, `stride` apart, may start: from 0 on.

    As the published code counts: a window takes `n_frames * stride` stored frames, and the last place is left out. Of
    12,500 frames, windows of 500 with stride 13 start at 0 to 5,998: 5,999 places.
    """
    return max(0, n_stored - n_frames * stride - 1)


def generator_of(seed: int, metric: str, molecule: str) -> np.random.Generator:
    """The source of the starts of one metric of one molecule, by whose SMILES it differs from the others'."""
    return np.random.default_rng([seed, METRICS.index(metric), zlib.crc32(molecule.encode())])


def draw_starts(n_stored: int, stride: int, n_frames: int, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` different starts among `count_starts`, or all of them where there are no more: int64 [count]."""
    fits = count_starts(n_stored, stride, n_frames)
    return random.choice(fits, size=min(count, fits), replace=False)


def check_replicas(lengths: Sequence[int], stride: int, protocol: PublishedProtocol, what: str) -> list[str]:
    """Notes on replicas of `lengths` stored frames, which come `FRAME_PS` / `stride` apart.

    Raises
    ------
    ShortReference
        When there are fewer than five, or one of the five is shorter than 5 ns or has no place for a window.
    """
    frame_ps = FRAME_PS / stride
    shortest = min(lengths[:REPLICAS], default=0)
    long = (shortest + 1) * frame_ps > REPLICA_PS and count_starts(shortest, stride, protocol.n_frames) > 0
    if len(lengths) < REPLICAS or not long:
        raise ShortReference(
            f"The published protocol needs {REPLICAS} replicas of {REPLICA_PS / 1000:g} ns (12,500 frames of 0.4 ps, "
            f"or as long at another spacing that divides {FRAME_PS} ps), and {what} has {len(lengths)}, the shortest "
            f"of {shortest * frame_ps / 1000:.3g} ns ({shortest} frames of {frame_ps:.3g} ps): simulate more, or "
            "judge it by our own protocol, without --protocol."
        )
    notes = []
    if len(lengths) > REPLICAS:
        notes.append(f"The first {REPLICAS} of {len(lengths)} replicas are used, as many as the protocol has.")
    fits = count_starts(shortest, stride, protocol.n_frames)
    wanted = max(protocol.windows, ORACLE_WINDOWS)
    if fits < wanted:
        notes.append(
            f"Windows of {protocol.n_frames} frames may start in {fits} places of a replica, fewer than the {wanted} "
            "that are drawn: all of them are taken."
        )
    return notes


@dataclass(frozen=True)
class Series:
    """Values of every stored frame of several replicas, cut into windows again and again.

    Attributes
    ----------
    values : list of [stored frames, F]
    stride : int
        Stored frames in `FRAME_PS`.
    """

    values: list[np.ndarray]
    stride: int

    def windows(self, n_frames: int, count: int, random: np.random.Generator) -> list[np.ndarray]:
        """`count` windows [n_frames, F] of each replica."""
        result = []
        for values in self.values:
            starts = draw_starts(len(values), self.stride, n_frames, count, random)
            result += [values[start : start + n_frames * self.stride : self.stride] for start in starts]
        return result
