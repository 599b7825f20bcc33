"""What has become of a dataset since it was written: truncated, damaged or altered files and groups, by name."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256


@dataclass(frozen=True)
class Fault:
    """A file, or a group of it, that is not what was written; `group` is empty for the file as a whole."""

    file: str
    group: str
    reason: str

    def __str__(self) -> str:
        where = f"group '{self.group}' of '{self.file}'" if self.group else f"'{self.file}'"
        return f"{where}: {self.reason}"


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The manifest beside a store, None where there is none.

    Raises
    ------
    InputError
        When it is no JSON object.
    """
    manifest = Path(f"{os.fspath(path)}.json")
    if not manifest.is_file():
        return None
    try:
        values = json.loads(manifest.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The manifest '{manifest}' is no valid JSON; build the dataset again.") from error
    if not isinstance(values, dict):
        raise InputError(f"The manifest '{manifest}' is no JSON object; build the dataset again.")
    return values


def check(path: str | os.PathLike[str]) -> list[Fault]:
    """Read a store whole and compare every group, and the file, with the hashes of the manifest.

    A file that differs from its hash while every group is right is a fault as well: of what HDF5 keeps between them.

    Raises
    ------
    InputError
        When the store is missing or, as a whole, no HDF5 dataset, for example truncated; or the manifest is damaged.
    """
    manifest = read_manifest(path) or {}
    with Store(path) as store:
        faults = [Fault(str(path), name, reason) for name, reason in store.faults(manifest.get("groups")).items()]
    if not faults and "sha256" in manifest and sha256(path) != manifest["sha256"]:
        faults.append(Fault(str(path), "", "its bytes are not those the manifest was written for"))
    return faults
