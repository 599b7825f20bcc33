"""Results in the output folder: listed, looked up by id, and packed. The browser never says a path."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PAGE = "report.html"
TABLE = "summary.csv"
_SHOWN = ("name", "smiles", "model", "n_frames", "frame_ps", "samples", "seconds", "warnings")


@dataclass(frozen=True)
class Result:
    """A folder as `egi generate` writes it, with its report."""

    folder: Path

    @property
    def id(self) -> str:
        """What the browser calls it by."""
        return id_of(self.folder)

    def files(self) -> list[Path]:
        """Its files, in a fixed order; no hidden ones, and nothing that a link leads to."""
        found = []
        for root, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths = (Path(root) / name for name in sorted(names) if not name.startswith("."))
            found += [path for path in paths if path.is_file() and not path.is_symlink()]
        return found

    def shown(self) -> dict[str, Any]:
        """What the list says of it: its first molecule, how many there are, and its files."""
        rows = _rows(self.folder / TABLE)
        first = {key: rows[0].get(key) or "" for key in _SHOWN} if rows else dict.fromkeys(_SHOWN, "")
        failed = _rows(self.folder / "failures.csv")
        made = datetime.datetime.fromtimestamp((self.folder / TABLE).stat().st_mtime).astimezone()
        return {
            **first,
            "id": self.id,
            "folder": self.folder.name,
            "molecules": len(rows),
            "seed": self._seed(first["name"]),
            "reason": failed[0].get("reason", "") if failed else "",
            "made": made.isoformat(timespec="seconds"),
            "files": [
                {"name": path.relative_to(self.folder).as_posix(), "bytes": path.stat().st_size}
                for path in self.files()
            ],
        }

    def pack(self, stream: IO[bytes]) -> None:
        """Write all files as a ZIP, in a folder of the result's name; trajectories are compressed as they are."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in self.files():
                name = f"{self.folder.name}/{path.relative_to(self.folder).as_posix()}"
                archive.write(path, name, zipfile.ZIP_STORED if path.suffix == ".xtc" else None)

    def _seed(self, name: str) -> int | None:
        path = self.folder / name / "meta.json"
        if not name or path.resolve().parent.parent != self.folder.resolve() or not path.is_file():
            return None  # a table may hold any name
        try:
            seed = json.loads(path.read_text(encoding="utf-8")).get("seed")
        except (ValueError, AttributeError):
            return None
        return seed if isinstance(seed, int) else None


def id_of(folder: Path) -> str:
    """Id of a result: a hash of its folder's name."""
    return hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:16]


def results(out: Path) -> list[Result]:
    """All results in an output folder, the newest first."""
    found = []
    for folder in out.iterdir():
        if folder.is_symlink() or folder.name.startswith(".") or not folder.is_dir():
            continue
        if (folder / TABLE).is_file() and (folder / PAGE).is_file() and not (folder / PAGE).is_symlink():
            found.append(((folder / TABLE).stat().st_mtime_ns, folder.name, Result(folder)))
    return [result for *_, result in sorted(found, key=lambda each: each[:2], reverse=True)]


def find_result(out: Path, id: str) -> Result | None:
    """The result of that id; None where there is none."""
    return next((result for result in results(out) if result.id == id), None)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        return [{key: value for key, value in row.items() if key and value} for row in csv.DictReader(stream)]
