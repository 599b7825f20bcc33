"""What `egi data import` was given, and the reader for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eginterpolator.data.readers.base import Format, ImportOptions, Reader
from eginterpolator.data.readers.published import LAYOUT
from eginterpolator.errors import InputError
from eginterpolator.machine.registry import Registry

FORMATS: Registry[Format] = Registry(
    "eginterpolator.readers",
    "format",
    {
        "confgf": "eginterpolator.data.readers.confgf:FORMAT",
        "geom": "eginterpolator.data.readers.geom:FORMAT",
        "thermal": "eginterpolator.data.readers.folders:THERMAL",
        "folders": "eginterpolator.data.readers.folders:FOLDERS",
        "archives": "eginterpolator.data.readers.archives:FORMAT",
        "packed": "eginterpolator.data.readers.water:FORMAT",
        "published": "eginterpolator.data.readers.published:FORMAT",
        "table": "eginterpolator.data.readers.md_import:TABLE",
        "trajectory": "eginterpolator.data.readers.md_import:TRAJECTORY",
    },
)
"""Thermal folders hold a molecule.sdf too, so they come before molecule folders."""
ANY_FILE = "trajectory"
"""Takes every file, and so is asked last."""


def open_source(paths: Sequence[Path], kind: str | None = None, options: ImportOptions | None = None) -> Reader:
    """The reader of what lies at `paths`, recognised unless `kind` (one of `FORMATS`) names it.

    Raises
    ------
    InputError
        When a path is missing, its kind is not recognised or unknown, or what a reader needs was not given.
    """
    options = options or ImportOptions()
    if not paths:
        raise InputError("Name what to import: a folder, pickles, or trajectory files.")
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file or folder '{path}'.")
    kind = kind or recognise(paths[0])
    format = FORMATS.find(kind)
    if len(paths) > 1 and not format.several:
        raise InputError(f"Give one source at a time of the format '{kind}'; there are {len(paths)}.")
    if options.stride < 1:
        raise InputError(f"A stride of {options.stride} is impossible; give 1 for every frame, 2 for every second one.")
    return format.open(paths, options)


def recognise(path: Path) -> str:
    """The first of `FORMATS` that takes a path for its own.

    Raises
    ------
    InputError
        When none does.
    """
    for kind in [*(each for each in FORMATS if each != ANY_FILE), ANY_FILE]:
        if FORMATS[kind].recognises(path):
            return kind
    raise InputError(
        f"'{path}' holds nothing that can be imported: no molecule folders (<name>/molecule.sdf), no summary_*.json of "
        f"GEOM, no replica archives (<name>.npz), no published simulations ({LAYOUT}); name the files themselves."
    )
