"""The report of an output folder of `egi generate`, `egi simulate` or `egi conformers`."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.report.energy_payload import ENERGY, read_energies
from eginterpolator.report.page import write_report
from eginterpolator.report.payload import ReportMolecule


def write_folder_report(out_dir: str | os.PathLike[str]) -> Path:
    """Write `report.html` into an output folder.

    Parameters
    ----------
    out_dir : path
        Molecule folders, or folders of `conformers.sdf`, as in `docs/formats.md`, beside them perhaps `summary.csv` and
        `failures.csv`; or a single molecule folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        When the folder is missing or holds neither a trajectory, nor conformers, nor a failure.
    """
    from eginterpolator.files.inputs import in_input_order

    root = Path(out_dir)
    if not root.is_dir():
        raise InputError(f"There is no folder '{root}'.")
    found = sorted(path / "meta.json" for path in root.glob("[!.]*") if _is_shown(path))
    folders = [root] if _is_shown(root) else [file.parent for file in in_input_order(root, found)]
    failures: list[dict[str, Any]] = _read_csv(root / "failures.csv")
    runs = []
    for folder in folders:
        try:
            runs.append(_read_run(folder))
        except (InputError, OSError) as error:
            failures.append({"name": folder.name, "reason": f"its folder cannot be read: {error}"})
    if not runs and not failures:
        raise InputError(
            f"'{root}' holds no molecule folder with a trajectory or conformers, so there is nothing to show."
        )
    facts: dict[str, Any] = {"title": root.resolve().name, "failures": failures}
    facts.update(_run_facts([run.meta for run in runs]))
    write_report(root / "report.html", runs, facts)
    return root / "report.html"


def _read_run(folder: Path) -> ReportMolecule:
    """What a molecule's folder holds; InputError or OSError where it cannot be read."""
    from eginterpolator.files.folder import read_conformer_folder, read_molecule_folder

    clusters = _read_csv(folder / "clusters.csv")
    if _is_ensemble(folder):
        ensemble, meta = read_conformer_folder(folder)
        frames = Trajectory(ensemble.molecule, ensemble.positions, 1.0)
        told = [{} if ensemble.energies_kcal is None else {ENERGY: ensemble.energies_kcal}]
        rows = _read_csv(folder / "conformers.csv")
        known = rows if len(rows) == len(ensemble) else []
        return ReportMolecule(
            ensemble.molecule, [frames], meta, clusters=clusters, energies=told, ensemble=True, conformers=known
        )  # fmt: skip
    molecule, trajectories, meta = read_molecule_folder(folder)
    energies = [read_energies(folder / f"energies_{k:03d}.csv", t.n_frames) for k, t in enumerate(trajectories)]
    return ReportMolecule(molecule, trajectories, dict(meta), clusters=clusters, energies=energies)


def _is_shown(path: Path) -> bool:
    return path.is_dir() and ((path / "molecule.sdf").is_file() and any(path.glob("*.xtc")) or _is_ensemble(path))


def _is_ensemble(path: Path) -> bool:
    return (path / "conformers.sdf").is_file() and not (path / "molecule.sdf").is_file()


def _read_csv(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if k} for row in csv.DictReader(stream)]


def _run_facts(metas: list[dict[str, Any]]) -> dict[str, Any]:
    """What a page of several molecules says beside each one's own facts: how long all took."""
    seconds = [meta["seconds"] for meta in metas if isinstance(meta.get("seconds"), (int, float))]
    return {"seconds_of_all": float(sum(seconds))} if len(seconds) == len(metas) > 1 else {}
