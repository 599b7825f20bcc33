"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eginterpolator.errors import InputError


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success sync it and rename it to `path`, on failure delete it.

    The temporary name keeps the suffix, for writers that choose the format by it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def ascii_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path of ASCII letters to the same file, for libraries that take no others; the file need not exist yet."""
    path = Path(path)
    if os.fspath(path).isascii():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="egi-") as folder:
        link = Path(folder) / f"file{path.suffix}"
        link.symlink_to(path.resolve())
        yield link
        if link.is_file() and not link.is_symlink():  # a writer that deletes what is there
            shutil.copyfile(link, path)


def fsync_folder(path: str | os.PathLike[str]) -> None:
    """Make renames inside a folder permanent."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def fill(path: str | os.PathLike[str], name: str, text: str) -> None:
    """Put `text` between the markers `<!-- name:start -->` and `<!-- name:end -->` of a Markdown file, atomically.

    Raises
    ------
    InputError
        When the file has not each of them once.
    """
    page = Path(path).read_text(encoding="utf-8")
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise InputError(f"'{path}' lacks the markers {start} and {end}, or has them twice.")
    before, after = page.split(start)[0], page.split(end)[1]
    write_text(path, f"{before}{start}\n{text}\n{end}{after}")


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
