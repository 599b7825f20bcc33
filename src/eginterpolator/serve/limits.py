"""What the page takes at most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of requests, jobs and answers.

    Attributes
    ----------
    body_bytes : int
        Of a request.
    smiles : int
        Characters.
    frames : int
        Frames x samples of a job.
    waiting : int
        Jobs that wait behind the running one.
    finished : int
        Jobs that are remembered after their end; their results stay on the disk.
    listed : int
        Results in the list, the newest first.
    streams : int
        Pages that are told of progress at a time.
    looks : int
        Molecules that are drawn at a time.
    """

    body_bytes: int = 8192
    smiles: int = 600
    frames: int = 20_000
    waiting: int = 8
    finished: int = 20
    listed: int = 200
    streams: int = 8
    looks: int = 2
