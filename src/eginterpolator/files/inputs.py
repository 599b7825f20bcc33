"""What a user may give as INPUT: a SMILES, or a .smi, .csv or .sdf file, or a folder of molecule folders."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem

from eginterpolator.chemistry.fragments import largest_fragment as only_largest
from eginterpolator.chemistry.identity import parse_smiles
from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo, molecules_from_sdf
from eginterpolator.chemistry.protonation import charge_states, check_ph
from eginterpolator.chemistry.text import stem_of, suffix_of
from eginterpolator.errors import InputError, shortened
from eginterpolator.files.names import renamed, safe_name, smiles_name, unique_names
from eginterpolator.files.sdf import sdf_molecule
from eginterpolator.files.tables import smiles_lines, table_rows

log = logging.getLogger(__name__)

FILE_SUFFIXES = (".smi", ".csv", ".tsv", ".sdf")
STEREO_MODES = ("ask", "enumerate")
BARE = "molecule"
"""What a bare SMILES is called where seeds are derived: its folder's name does not change what is sampled."""
_FILE_NAME = re.compile(r"[/\\]$|\.[a-z][a-z0-9]{1,3}$")


@dataclass(frozen=True)
class Failure:
    """A molecule that could not be used, for `failures.csv`."""

    name: str
    smiles: str
    reason: str


@dataclass(frozen=True)
class _Reading:
    """How entries become molecules."""

    stereo: str
    largest_fragment: bool

    def smiles(self, smiles: str, name: str) -> list[Molecule]:
        if self.stereo == "enumerate" and smiles.strip():
            return enumerate_stereo(smiles.strip(), name, self.largest_fragment)
        return [Molecule.from_smiles(smiles, name, self.largest_fragment)]

    def mol(self, mol: Chem.Mol, name: str) -> list[Molecule]:
        if self.stereo == "enumerate":
            return enumerate_stereo(mol, name, self.largest_fragment)
        return [Molecule.from_rdkit(mol, name, self.largest_fragment)]


def read_inputs(
    source: str, stereo: str = "ask", *, name: str | None = None, largest_fragment: bool = False
) -> tuple[list[Molecule], list[Failure]]:
    """Molecules with unique names, in the order of the input, and the entries of a file that are not usable.

    Parameters
    ----------
    source : str
        A SMILES; a `.smi`, `.csv` or `.sdf` file, gzipped or not; a folder of molecule folders. What is a SMILES and
        also the name of a folder is the SMILES: `./NAME` is the folder.
    stereo : {'ask', 'enumerate'}
    name : str, optional
        Of a single molecule, its folder; a bare SMILES is named after itself without. Seeds do not depend on it.
    largest_fragment : bool
        Of salts and solvates take the largest fragment instead of refusing them.

    Raises
    ------
    InputError
        For a single bad SMILES, a missing, empty or unreadable file, or a `name` for several molecules.
    """
    if stereo not in STEREO_MODES:
        raise InputError(f"'{stereo}' is not a stereo mode; use 'ask' (refuse undefined stereo) or 'enumerate'.")
    reading = _Reading(stereo, largest_fragment)
    path = Path(source) if source else None
    if path is not None and _exists(path) and not _is_smiles(source, path):
        molecules, failures = _read_path(path, reading)
        if name is not None:
            if len(molecules) != 1:
                raise InputError(f"--name belongs to one molecule, and INPUT holds {len(molecules)}.")
            molecules = [renamed(molecules[0], safe_name(name))]
    elif path is not None and suffix_of(path) in FILE_SUFFIXES:
        raise InputError(f"There is no file '{source}'.")
    elif path is not None and _FILE_NAME.search(source) and Chem.MolFromSmiles(source) is None:
        raise InputError(f"'{source}' is neither a file or folder that exists nor a valid SMILES.")
    else:
        molecules, failures = _bare(source, name, reading), []
    return unique_names(molecules), failures


def at_ph(
    molecules: Sequence[Molecule], failures: Sequence[Failure], ph: float
) -> tuple[list[Molecule], list[Failure]]:
    """What `read_inputs` gave in the charge states that matter at a pH, in their order, see `charge_states`.

    Raises
    ------
    InputError
        When `ph` is none, dimorphite-dl is missing, or it cannot read the only molecule.
    """
    check_ph(ph)
    found, failed = [], list(failures)
    for molecule in molecules:
        try:
            found.extend(charge_states(molecule, ph))
        except InputError as error:
            if len(molecules) == 1 and not failures:
                raise
            failed.append(Failure(molecule.name, molecule.smiles, str(error)))
    return unique_names(found), failed


def read_smiles(smiles: str, *, largest_fragment: bool = False) -> Molecule:
    """The molecule of a SMILES as `read_inputs` gives it, whatever file or folder may have that name.

    Raises
    ------
    InputError
        As `Molecule.from_smiles`.
    """
    return unique_names(_bare(smiles, None, _Reading("ask", largest_fragment)))[0]


def _bare(smiles: str, name: str | None, reading: _Reading) -> list[Molecule]:
    found = reading.smiles(smiles, BARE)
    if name is None:
        mol = parse_smiles(smiles)
        name = smiles_name(only_largest(mol) if reading.largest_fragment else mol)
    return [renamed(each, safe_name(name) + each.name.removeprefix(BARE)) for each in found]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a long SMILES is no possible file name, nor one with letters of another locale
        return False


def _is_smiles(source: str, path: Path) -> bool:
    """Whether the name of something that exists is meant as a SMILES: only where nothing says that it is a path."""
    if source.startswith((".", "/", "~")) or source.endswith("/") or suffix_of(path) in FILE_SUFFIXES:
        return False
    if Chem.MolFromSmiles(source) is None:
        return False
    log.warning("'%s' is taken as a SMILES; write './%s' for what has that name here", source, source)
    return True


def _read_path(path: Path, reading: _Reading) -> tuple[list[Molecule], list[Failure]]:
    if path.is_dir():
        return _read_folder(path)
    suffix = suffix_of(path)
    if suffix == ".sdf":
        return _read_sdf(path, reading)
    if suffix not in FILE_SUFFIXES:
        raise InputError(f"'{path}' is no .smi, .csv or .sdf file, gzipped or not; convert it to one of these.")
    entries = list(_smi(path) if suffix == ".smi" else _csv(path))
    if not entries:
        raise InputError(f"'{path}' holds no molecule; write one 'SMILES name' a line.")
    molecules, failures = [], []
    for smiles, name in entries:
        try:
            molecules.extend(reading.smiles(smiles, name))
        except InputError as error:
            failures.append(Failure(name, smiles, str(error)))
        except Exception as error:  # whatever RDKit raises of one entry, the others go on
            failures.append(Failure(name, smiles, _unexpected(smiles, error)))
    return molecules, failures


def _read_folder(path: Path) -> tuple[list[Molecule], list[Failure]]:
    files = sorted(path.glob("*/molecule.sdf"))
    if not files:
        raise InputError(f"The folder '{path}' holds no molecule folders (<name>/molecule.sdf).")
    molecules, failures = [], []
    for file in in_input_order(path, files):
        name = file.parent.name
        try:
            molecules.append(Molecule(sdf_molecule(file)[0].rdmol, name))
        except InputError as error:
            failures.append(Failure(name, "", str(error)))
    return molecules, failures


def in_input_order(root: Path, files: list[Path]) -> list[Path]:
    """Files `<name>/...` of an output folder in the order of its summary.csv, the others behind, by name."""
    table = root / "summary.csv"
    try:
        names = [row.get("name", "") for _, row in table_rows(table, ("name",))] if table.is_file() else []
    except InputError:
        names = []
    place = {name: k for k, name in enumerate(names)}
    return sorted(files, key=lambda file: (place.get(file.parent.name, len(place)), file.parent.name))


def _read_sdf(path: Path, reading: _Reading) -> tuple[list[Molecule], list[Failure]]:
    failures: list[Failure] = []

    def name(number: int, title: str) -> str:
        return safe_name(title) if title.strip() else f"{safe_name(stem_of(path))}_{number}"

    def make(number: int, mol: Chem.Mol) -> list[Molecule]:
        own = name(number, mol.GetProp("_Name") if mol.HasProp("_Name") else "")
        try:
            return reading.mol(mol, own)
        except InputError:
            raise
        except Exception as error:  # whatever RDKit raises of one record, the others go on
            raise InputError(_unexpected(own, error)) from error

    def failed(number: int, title: str, mol: Chem.Mol | None, error: InputError) -> None:
        smiles = Chem.MolToSmiles(Chem.RemoveHs(mol)) if mol is not None else ""
        failures.append(Failure(name(number, title), smiles, str(error)))

    return molecules_from_sdf(path, make, failed), failures


def _unexpected(what: str, error: Exception) -> str:
    text = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
    return f"RDKit cannot read '{shortened(what)}' ({text})."


def _smi(path: Path) -> Iterator[tuple[str, str]]:
    for number, smiles, name in smiles_lines(path):
        yield smiles, safe_name(name) if name else f"line_{number}"


def _csv(path: Path) -> Iterator[tuple[str, str]]:
    for number, row in table_rows(path, ("smiles",)):
        name = row.get("name", "")
        yield row.get("smiles", ""), safe_name(name) if name else f"line_{number}"


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
