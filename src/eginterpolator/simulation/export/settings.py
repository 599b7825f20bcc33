"""How long the exported settings run."""

from __future__ import annotations

from dataclasses import dataclass

from eginterpolator.simulation.engines.base import frame_count
from eginterpolator.simulation.protocol import Protocol


@dataclass(frozen=True)
class RunLength:
    """Frames of production, steps from one to the next, and the seed."""

    n_frames: int
    stride: int
    seed: int

    @classmethod
    def of(cls, ns: float, save_ps: float, seed: int, protocol: Protocol) -> RunLength:
        """InputError when `ns` holds no frame."""
        return cls(frame_count(ns, save_ps, protocol), protocol.steps(save_ps), seed)

    @property
    def steps(self) -> int:
        """Of production."""
        return self.n_frames * self.stride
