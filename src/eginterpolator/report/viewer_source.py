"""Where the 3D viewer's JavaScript comes from: Mol*, out of an installed package, never from this repository.

Mol* (https://molstar.org, MIT) is the viewer of the PDB. The wheel `molstar-cli` carries its unmodified build (5.11)
with a public library API, and needs no other package. The others that were looked at: py3Dmol's wheel carries no
script; weas-widget and ipymolstar (Mol* 4.12, partly from a CDN) export a notebook widget only, and weas-widget
needs ase, scikit-image and anywidget. The build is 5 MB; compressed in the page it takes 1.9 MB, and the browser
unpacks it. Plots are drawn by 170 lines of our own, since plotly's script alone would add 4.5 MB.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path
from eginterpolator.machine.cache import check_seal, make_cache_folder, sealed

_MIT = "The MIT License. Copyright (c) Mol* contributors."


@dataclass(frozen=True)
class ViewerSource:
    """A viewer to inline.

    Attributes
    ----------
    name, version : str
        What to credit.
    licence : str
        Full text, which travels in the page.
    packed : str
        The script, gzip-compressed, in base64.
    """

    name: str
    version: str
    licence: str
    packed: str


@cache
def viewer_source() -> ViewerSource:
    """Find, check and compress the viewer's script.

    Raises
    ------
    InputError
        When the package that carries it is not installed.
    """
    spec = importlib.util.find_spec("molstar_cli")
    roots = [Path(root) / "static" / "molstar" for root in (spec.submodule_search_locations or [])] if spec else []
    root = next((root for root in roots if (root / "molstar.js").is_file()), None)
    if root is None:
        raise InputError("The report needs the Mol* viewer, which is not installed; run 'pip install molstar-cli'.")
    script = (root / "molstar.js").read_bytes()
    licence = root / "LICENSE.molstar"
    version = root / "VERSION"
    return ViewerSource(
        name="Mol*",
        version=version.read_text(encoding="utf-8").strip() if version.is_file() else "",
        licence=licence.read_text(encoding="utf-8")
        if licence.is_file()
        else "The MIT License. Copyright (c) Mol* contributors.",
        packed=_packed(script),
    )


def _packed(script: bytes) -> str:
    """The script, compressed, in base64: a third of a second, so the next process finds it in the cache, if there is
    one."""
    try:
        path = make_cache_folder() / f"viewer-{hashlib.sha256(script).hexdigest()[:16]}"
    except InputError:
        return _compressed(script).decode()
    try:
        check_seal(path)
        return path.read_bytes()[: -hashlib.sha256().digest_size].decode()
    except (OSError, RuntimeError):
        made = _compressed(script)
    # what cannot be kept, on a full disk for example, is made again the next time: a third of a second
    with contextlib.suppress(OSError), atomic_path(path) as temporary:
        temporary.write_bytes(sealed(made))
    return made.decode()


def _compressed(script: bytes) -> bytes:
    return base64.b64encode(gzip.compress(script, 9, mtime=0))
