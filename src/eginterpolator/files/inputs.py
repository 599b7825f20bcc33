"""What a user may give as INPUT: a SMILES, or a .smi, .csv or .sdf file, or a folder of molecule folders."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo, molecules_from_sdf
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import sdf_molecule

FILE_SUFFIXES = (".smi", ".csv", ".sdf")
STEREO_MODES = ("ask", "enumerate")
RESERVED = ("summary.csv", "failures.csv", "report.html")  # files beside the molecule folders
LONGEST_NAME = 100
_FILE_NAME = re.compile(r"[/\\]$|\.[a-z][a-z0-9]{1,3}$")


@dataclass(frozen=True)
class Failure:
    """A molecule that could not be used, for `failures.csv`."""

    name: str
    smiles: str
    reason: str


def read_inputs(source: str, stereo: str = "ask") -> tuple[list[Molecule], list[Failure]]:
    """Molecules with unique names, and the entries of a file that are not usable.

    Raises
    ------
    InputError
        For a single bad SMILES, a missing, empty or unreadable file.
    """
    if stereo not in STEREO_MODES:
        raise InputError(f"'{stereo}' is not a stereo mode; use 'ask' (refuse undefined stereo) or 'enumerate'.")
    path = Path(source) if source else None
    if path is not None and _exists(path):
        molecules, failures = _read_path(path, stereo)
    elif path is not None and path.suffix.lower() in FILE_SUFFIXES:
        raise InputError(f"There is no file '{source}'.")
    elif path is not None and _FILE_NAME.search(source) and Chem.MolFromSmiles(source) is None:
        raise InputError(f"'{source}' is neither a file or folder that exists nor a valid SMILES.")
    else:
        molecules, failures = _molecules(source, "molecule", stereo), []
    return _unique_names(molecules), failures


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a long SMILES is no possible file name
        return False


def _read_path(path: Path, stereo: str) -> tuple[list[Molecule], list[Failure]]:
    if path.is_dir():
        return _read_folder(path)
    suffix = path.suffix.lower()
    if suffix == ".sdf":
        return _read_sdf(path, stereo)
    if suffix not in FILE_SUFFIXES:
        raise InputError(f"'{path}' is no .smi, .csv or .sdf file; convert it to one of these.")
    entries = list(_smi(path) if suffix == ".smi" else _csv(path))
    if not entries:
        raise InputError(f"'{path}' holds no molecule; write one 'SMILES name' a line.")
    molecules, failures = [], []
    for smiles, name in entries:
        try:
            molecules.extend(_molecules(smiles, name, stereo))
        except InputError as error:
            failures.append(Failure(name, smiles, str(error)))
    return molecules, failures


def _read_folder(path: Path) -> tuple[list[Molecule], list[Failure]]:
    files = sorted(path.glob("*/molecule.sdf"))
    if not files:
        raise InputError(f"The folder '{path}' holds no molecule folders (<name>/molecule.sdf).")
    molecules, failures = [], []
    for file in files:
        name = file.parent.name
        try:
            molecules.append(Molecule(sdf_molecule(file)[0].rdmol, name))
        except InputError as error:
            failures.append(Failure(name, "", str(error)))
    return molecules, failures


def _read_sdf(path: Path, stereo: str) -> tuple[list[Molecule], list[Failure]]:
    failures: list[Failure] = []

    def name(number: int, mol: Chem.Mol | None) -> str:
        title = mol.GetProp("_Name") if mol is not None and mol.HasProp("_Name") else ""
        return _safe(title) if title.strip() else f"{_safe(path.stem)}_{number}"

    def make(number: int, mol: Chem.Mol) -> list[Molecule]:
        if stereo == "enumerate":
            return enumerate_stereo(mol, name(number, mol))
        return [Molecule.from_rdkit(mol, name(number, mol))]

    def failed(number: int, mol: Chem.Mol | None, error: InputError) -> None:
        smiles = Chem.MolToSmiles(Chem.RemoveHs(mol)) if mol is not None else ""
        failures.append(Failure(name(number, mol), smiles, str(error)))

    return molecules_from_sdf(path, make, failed), failures


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' cannot be read as text ({error}).") from error


def _smi(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#"):
            yield words[0], _safe(words[1]) if len(words) > 1 else f"line_{number}"


def _csv(path: Path) -> Iterator[tuple[str, str]]:
    rows = csv.DictReader(_text(path).splitlines())
    columns = {(name or "").strip().lower(): name for name in rows.fieldnames or []}
    if "smiles" not in columns:
        raise InputError(f"'{path}' has no column 'smiles'; its first line must name the columns smiles and name.")
    for number, row in enumerate(rows, 2):
        name = row.get(columns.get("name", ""), "") or ""
        yield (row[columns["smiles"]] or "").strip(), _safe(name) if name.strip() else f"line_{number}"


def _molecules(smiles: str, name: str, stereo: str) -> list[Molecule]:
    if stereo == "enumerate" and smiles.strip():
        return enumerate_stereo(smiles.strip(), name)
    return [Molecule.from_smiles(smiles, name)]


def _safe(name: str) -> str:
    """A name that can be a folder."""
    return re.sub(r"[^\w.+-]+", "_", name.strip()).strip("._")[:LONGEST_NAME] or "molecule"


def _unique_names(molecules: Iterable[Molecule]) -> list[Molecule]:
    seen = set(RESERVED)
    result = []
    for molecule in molecules:
        name, count = molecule.name, 1
        while name in seen:
            count += 1
            name = f"{molecule.name}_{count}"
        seen.add(name)
        result.append(molecule if name == molecule.name else Molecule(molecule.rdmol, name))
    return result


def prepare_out(out: str | os.PathLike[str]) -> Path:
    """Make the output folder and check that files can be written there.

    Raises
    ------
    InputError
        When they cannot.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write_test_{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"Cannot write to --out '{out}' ({error.strerror or error}); choose a folder that you may write to."
        ) from error
    return folder
