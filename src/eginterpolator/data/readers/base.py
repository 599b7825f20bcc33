"""What every reader of a format offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from eginterpolator.data.filters import Dropped
from eginterpolator.data.store import Record


class Reader(Protocol):
    """Where records come from: `geom`, `confgf`, `published`, `md_import`, `folders`, and QM9 below."""

    @property
    def source(self) -> str:
        """What the manifest says of it."""

    @property
    def total(self) -> int:
        """Molecules to be read."""

    @property
    def files(self) -> list[Path]:
        """Files whose hashes the manifest keeps."""

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Records that pass the reader's filters; what does not goes into `dropped`."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the readers may need to be told; each takes what concerns it.

    Attributes
    ----------
    topology, molecule, residue, charge, name
        Of one trajectory or its replicas: see `read_topology`.
    frame_ps : float, optional
        Time between frames; goes before what the files tell, with a warning.
    stride : int
        Keep every `stride`-th frame.
    subset : str, optional
        Which summary of GEOM: qm9 or drugs.
    split : str, optional
        Which split of the published simulations.
    most : int, optional
        Conformers to keep of each molecule.
    """

    topology: Path | None = None
    molecule: str | None = None
    residue: str | None = None
    charge: int = 0
    name: str = ""
    frame_ps: float | None = None
    stride: int = 1
    subset: str | None = None
    split: str | None = None
    most: int | None = None


@dataclass(frozen=True)
class Format:
    """A format: how it is recognised, and what reads it.

    Attributes
    ----------
    recognises : callable
        Whether a path, which exists, is of this format. Formats are asked in the order of `recognise.FORMATS`.
    open : callable
        The reader of paths, at least one, all of which exist.
    several : bool
        Whether it takes more than one path at a time.
    """

    recognises: Callable[[Path], bool]
    open: Callable[[Sequence[Path], ImportOptions], Reader]
    several: bool = False
