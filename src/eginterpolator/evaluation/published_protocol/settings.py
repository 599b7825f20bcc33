"""The numbers of the published protocol, one set for each data set (SPEC section 5, A)."""

from __future__ import annotations

from dataclasses import dataclass

from eginterpolator.errors import InputError

FRAME_PS = 5.2
"""Spacing of the frames that are compared: 13 saved frames of 0.4 ps."""
REPLICAS = 5
"""Four are the reference, the fifth is held out."""
REPLICA_PS = 5000.0
ORACLE_WINDOWS = 10
KINETIC_VARIANCE = 0.95
BINS = 100
MICROSTATES, METASTABLE = 100, 10
DECORRELATION_PS, DECORRELATION_BINS = (5.0, 1380.0), 275
PATHS, PATH_FRAMES = 900, 101
METRICS = ("length", "angle", "torsion", "decorrelation", "tica", "msm", "paths")
"""What draws windows of its own."""


@dataclass(frozen=True)
class PublishedProtocol:
    """What differs between the data sets.

    Attributes
    ----------
    dataset, label : str
        `qm9` or `drugs`, and how tables write it.
    n_frames : int
        Of a window, `FRAME_PS` apart.
    windows : int
        Drawn from each replica of the reference.
    tica_lag, msm_lag : int
        Frames.
    largest_lag, largest_lag_generated : int
        Frames to which autocorrelations are followed: of windows of the reference and of MD, and of what was generated.
    task : str
        What the published rows generated.
    generated : str
        How much of it, for one molecule.
    """

    dataset: str
    label: str
    n_frames: int
    windows: int
    tica_lag: int
    msm_lag: int
    largest_lag: int
    largest_lag_generated: int
    task: str
    generated: str

    @property
    def name(self) -> str:
        """What every figure is marked with: the value of `protocol` in JSON."""
        return f"as published, {self.label}"


PROTOCOLS = {
    each.dataset: each
    for each in (
        PublishedProtocol("qm9", "QM9", 500, 30, 2, 4, 275, 275, "unconditional", "10 trajectories"),
        PublishedProtocol("drugs", "Drugs", 960, 5, 10, 20, 900, 240, "forward", "4 blocks, chained"),
    )
}


def protocol_of(dataset: str) -> PublishedProtocol:
    """The protocol of a data set; InputError for one that was not published."""
    if dataset not in PROTOCOLS:
        raise InputError(f"There is no published protocol '{dataset}'; choose {' or '.join(PROTOCOLS)}.")
    return PROTOCOLS[dataset]
