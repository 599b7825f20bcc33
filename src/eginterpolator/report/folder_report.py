"""The report of an output folder of `egi generate` or `egi simulate`."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from eginterpolator.errors import InputError
from eginterpolator.report.page import write_report
from eginterpolator.report.payload import ReportMolecule


def write_folder_report(out_dir: str | os.PathLike[str]) -> Path:
    """Write `report.html` into an output folder.

    Parameters
    ----------
    out_dir : path
        Molecule folders as in `docs/formats.md`, beside them perhaps `summary.csv` and `failures.csv`; or a single
        molecule folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        When the folder is missing or holds neither a trajectory nor a failure.
    """
    from eginterpolator.files.folder import read_molecule_folder
    from eginterpolator.files.inputs import in_input_order

    root = Path(out_dir)
    if not root.is_dir():
        raise InputError(f"There is no folder '{root}'.")
    found = sorted(path / "molecule.sdf" for path in root.glob("[!.]*") if _is_molecule_folder(path))
    folders = [root] if _is_molecule_folder(root) else [file.parent for file in in_input_order(root, found)]
    failures: list[dict[str, Any]] = _read_csv(root / "failures.csv")
    runs = []
    for folder in folders:
        try:
            molecule, trajectories, meta = read_molecule_folder(folder)
            clusters = _read_csv(folder / "clusters.csv")
            runs.append(ReportMolecule(molecule, trajectories, dict(meta), clusters=clusters))
        except (InputError, OSError) as error:
            failures.append({"name": folder.name, "reason": f"its folder cannot be read: {error}"})
    if not runs and not failures:
        raise InputError(f"'{root}' holds no molecule folder with a trajectory, so there is nothing to show.")
    facts: dict[str, Any] = {"title": root.resolve().name, "failures": failures}
    facts.update(_run_facts([run.meta for run in runs]))
    write_report(root / "report.html", runs, facts)
    return root / "report.html"


def _is_molecule_folder(path: Path) -> bool:
    return path.is_dir() and (path / "molecule.sdf").is_file() and any(path.glob("*.xtc"))


def _read_csv(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if k} for row in csv.DictReader(stream)]


def _run_facts(metas: list[dict[str, Any]]) -> dict[str, Any]:
    """What a page of several molecules says beside each one's own facts: how long all took."""
    seconds = [meta["seconds"] for meta in metas if isinstance(meta.get("seconds"), (int, float))]
    return {"seconds_of_all": float(sum(seconds))} if len(seconds) == len(metas) > 1 else {}
