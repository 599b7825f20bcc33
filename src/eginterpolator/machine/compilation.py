"""C++ sources compiled once: libraries that a wheel brings, or that are kept in the cache of this machine."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eginterpolator.errors import InputError
from eginterpolator.machine.cache import cache_folder, check_seal, compiler, make_cache_folder, sealed

PREBUILT = Path(__file__).parents[1] / "prebuilt"
"""Where a wheel for a platform holds libraries, so that no compiler is needed (`wheels/prebuild.py`)."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """What a library is made of.

    Attributes
    ----------
    name : str
        What the file and messages call it.
    sources : sequence of path
        All files that decide what comes out; those that end in `.cpp` are compiled.
    flags : sequence of str
        For the compiler, after `-shared -fPIC`; paths of libraries last.
    generated : mapping of str to str
        Headers that are written for the compilation: name -> text.
    facts : any
        What else the library depends on, such as the processor: with them it serves this machine only.
    """

    name: str
    sources: Sequence[Path]
    flags: Sequence[str]
    generated: Mapping[str, str] = field(default_factory=dict)
    facts: Any = None

    @property
    def kept(self) -> Path:
        """Its file in the cache: the name has a hash of all that it is made of, and of the compiler."""
        return cache_folder() / self._file(os.environ.get("CXX", "g++"), self.facts)

    @property
    def prebuilt(self) -> Path:
        """Its file in a wheel, by the same without the compiler; a library with `facts` is in none."""
        return PREBUILT / self._file()

    def _file(self, *more: Any) -> str:
        content = [path.read_text(encoding="utf-8") for path in self.sources]
        values = (content, list(self.flags), dict(self.generated), *more)
        digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
        return f"{self.name}-{digest[:16]}.so"

    def load(self) -> ctypes.CDLL:
        """The library of the wheel or of the cache; else compiled now.

        A process that is killed meanwhile leaves no half of one.

        Raises
        ------
        InputError
            When there is no compiler, it fails, the cache cannot be written, or the library is damaged.
        """
        path = self.prebuilt if self.facts is None else self.kept
        try:
            if not path.is_file():
                path = self.kept
                if not path.is_file():
                    self._compile(path)
                check_seal(path)
            return ctypes.CDLL(str(path))
        except (OSError, RuntimeError) as error:
            raise InputError(f"'{path}' is no library of {self.name} ({error}); delete it and start again.") from error

    def build(self, path: Path) -> None:
        """Compile it into a file; InputError when there is no compiler or it fails."""
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{self.name}-") as text:
            folder = Path(text)
            for header, content in self.generated.items():
                (folder / header).write_text(content, encoding="utf-8")
            made = folder / f"{self.name}.so"
            units = [str(source) for source in self.sources if source.suffix == ".cpp"]
            command = [compiler(), "-shared", "-fPIC", f"-I{folder}", *units, *self.flags, "-o", str(made)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                says = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[-200:])
                raise InputError(f"'{command[0]}' cannot compile {self.name}: {says.strip()}")
            os.replace(made, path)

    def _compile(self, path: Path) -> None:
        """Compile it into the cache, with its seal."""
        with tempfile.TemporaryDirectory(dir=make_cache_folder(), prefix=f".{self.name}-") as text:
            made, whole = Path(text, "made"), Path(text, "whole")
            self.build(made)
            with open(whole, "wb") as stream:
                stream.write(sealed(made.read_bytes()))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(whole, path)
