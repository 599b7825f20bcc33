"""What is compiled for a machine: where it is kept, and the compiler that makes it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from eginterpolator.errors import InputError


def cache_folder() -> Path:
    """Where libraries are kept: `$XDG_CACHE_HOME/eginterpolator`, or `~/.cache/eginterpolator`.

    Raises
    ------
    InputError
        When the user has no home directory.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eginterpolator"
    except RuntimeError as error:
        raise InputError("There is no home directory to keep compiled layers in; set XDG_CACHE_HOME.") from error


def make_cache_folder() -> Path:
    """The same, which exists then.

    Raises
    ------
    InputError
        When it cannot be made.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot write '{folder}' ({error.strerror or error}); set XDG_CACHE_HOME.") from error
    return folder


def compiler() -> str:
    """The C++ compiler: `$CXX`, or g++.

    Raises
    ------
    InputError
        When there is none.
    """
    name = os.environ.get("CXX", "g++")
    if shutil.which(name) is None:
        raise InputError(f"There is no C++ compiler '{name}'; install g++, or set CXX to the one there is.")
    return name


def sealed(library: bytes) -> bytes:
    """A library with the SHA-256 of its bytes at the end, where the loader does not look.

    A library of which a part is missing would end the process when it is called.
    """
    return library + hashlib.sha256(library).digest()


def check_seal(path: Path) -> None:
    """Raise RuntimeError when a file is not as `sealed` made it, OSError when it cannot be read."""
    content = path.read_bytes()
    if sealed(content[: -hashlib.sha256().digest_size]) != content:
        raise RuntimeError("its end is not the hash of the rest")
