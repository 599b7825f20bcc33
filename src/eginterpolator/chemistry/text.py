"""Text of files, whoever wrote them: UTF-8 with or without a mark, else Latin-1; gzipped where the name says so."""

from __future__ import annotations

import gzip
import logging
import os
import zlib
from pathlib import Path

from eginterpolator.errors import InputError

log = logging.getLogger(__name__)

GZIP = ".gz"


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Suffix in small letters that says what a file is: that of `a.sdf.gz` is `.sdf`."""
    path = Path(path)
    return Path(path.stem).suffix.lower() if path.suffix.lower() == GZIP else path.suffix.lower()


def stem_of(path: str | os.PathLike[str]) -> str:
    """Name of a file without its suffix, and without `.gz`."""
    path = Path(path)
    return Path(path.stem).stem if path.suffix.lower() == GZIP else path.stem


def read_text(path: str | os.PathLike[str]) -> str:
    """Text of a file. What is no UTF-8 is read as Latin-1, and a warning says so.

    Raises
    ------
    InputError
        When the file cannot be read, is a damaged gzip file, or holds no text.
    """
    try:
        content = Path(path).read_bytes()
        if Path(path).suffix.lower() == GZIP:
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"'{path}' cannot be read ({reason}).") from error
    return decoded(content, path)


def decoded(content: bytes, path: str | os.PathLike[str]) -> str:
    """Bytes of `path` as text; see `read_text`."""
    if b"\x00" in content:
        raise InputError(f"'{path}' cannot be read as text: it holds zero bytes; save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if any(byte in _CONTROLS for byte in content):
            raise InputError(f"'{path}' cannot be read as text ({error}).") from error
    log.warning("'%s' is not UTF-8 and was read as Latin-1", path)
    return content.decode("latin-1")


_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\r\x0b\x0c\x1a\x1b") | {0x7F}
"""Bytes that no text in Latin-1 holds; 0x80 to 0x9f are letters and quotes in Windows' variant of it."""
