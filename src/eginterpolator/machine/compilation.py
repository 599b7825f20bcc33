"""C++ sources compiled for this machine, once: the library is kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eginterpolator.errors import InputError
from eginterpolator.machine.cache import cache_folder, check_seal, compiler, make_cache_folder, sealed


def library_file(
    name: str, sources: Sequence[Path], flags: Sequence[str], generated: Mapping[str, str], facts: Any
) -> Path:
    """Where a library is kept: its name has a hash of its sources, headers, flags, compiler and `facts`."""
    content = [path.read_text(encoding="utf-8") for path in sources]
    values = (content, list(flags), dict(generated), os.environ.get("CXX", "g++"), facts)
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
    return cache_folder() / f"{name}-{digest[:16]}.so"


def load_library(
    name: str,
    sources: Sequence[Path],
    flags: Sequence[str],
    *,
    generated: Mapping[str, str] | None = None,
    facts: Any = None,
) -> ctypes.CDLL:
    """A library, compiled if the cache has it not. A process that is killed meanwhile leaves no half of one.

    Parameters
    ----------
    name : str
        What the file and messages call it.
    sources : sequence of path
        All files that decide what comes out; those that end in `.cpp` are compiled.
    flags : sequence of str
        For the compiler, after `-shared -fPIC`; paths of libraries last.
    generated : mapping of str to str, optional
        Headers that are written for the compilation: name -> text.
    facts : optional
        What else the library depends on, such as the processor.

    Raises
    ------
    InputError
        When there is no compiler, it fails, the cache cannot be written, or the library is damaged.
    """
    headers = generated or {}
    path = library_file(name, sources, flags, headers, facts)
    if not path.is_file():
        _compile(path, name, sources, flags, headers)
    try:
        check_seal(path)
        return ctypes.CDLL(str(path))
    except (OSError, RuntimeError) as error:
        raise InputError(f"'{path}' is no library of {name} ({error}); delete it and start again.") from error


def _compile(path: Path, name: str, sources: Sequence[Path], flags: Sequence[str], headers: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=make_cache_folder(), prefix=f".{name}-") as text:
        folder = Path(text)
        for header, content in headers.items():
            (folder / header).write_text(content, encoding="utf-8")
        made = folder / f"{name}.so"
        units = [str(source) for source in sources if source.suffix == ".cpp"]
        command = [compiler(), "-shared", "-fPIC", f"-I{folder}", *units, *flags, "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            says = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[-200:])
            raise InputError(f"'{command[0]}' cannot compile {name}: {says.strip()}")
        whole = folder / "whole"
        with open(whole, "wb") as stream:
            stream.write(sealed(made.read_bytes()))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(whole, path)
