"""The drawing pad: JSME out of an installed package, never from this repository, on an origin of its own.

JSME (BSD licence) is a structure editor in 0.5 MB of JavaScript. The wheel `streamlit-jsme` carries its build, and
what it depends on is not needed here: `pip install --no-deps streamlit-jsme`. The other wheels that were looked at:
ketcher-anywidget and ipyketcher (57 MB of script each), shiny-ketcher (30 MB) and streamlit-ketcher (12 MB of script,
of 2023) export a widget of their framework only; jsme-notebook fetches JSME from a remote host. JSME evaluates strings
and writes into a frame of its own, so it may be neither on the page's origin nor in a sandbox without one: it stands
under the other name of this machine, `localhost`, where nothing else is answered.
"""

from __future__ import annotations

import importlib.util
import secrets
from dataclasses import dataclass, field
from pathlib import Path

HOST = "localhost"
"""The name of this machine on which the pad is; the page's is 127.0.0.1."""


@dataclass(frozen=True)
class Pad:
    """The files of the pad, by the names that their addresses end with.

    Attributes
    ----------
    prefix : str
        What its addresses begin with: random, since its requests bring no cookie.
    """

    files: dict[str, Path]
    prefix: str = field(default_factory=lambda: f"/pad/{secrets.token_urlsafe(16)}/")

    @staticmethod
    def policy(page: str) -> str:
        """Content-Security-Policy: its own scripts, nothing from elsewhere, no request, a frame of `page` alone."""
        return (
            "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors {page}"
        )


def find_pad() -> Pad | None:
    """The pad of the installed package; None where there is none."""
    spec = importlib.util.find_spec("streamlit_jsme")
    for place in (spec.submodule_search_locations or []) if spec else []:
        root = Path(place) / "jsme"
        if (root / "jsme.nocache.js").is_file():
            return Pad({path.relative_to(root).as_posix(): path for path in root.rglob("*.*") if path.is_file()})
    return None
