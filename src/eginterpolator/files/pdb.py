"""PDB files of other programs: elements where the columns for them are empty, from names and the molecule's graph."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rdkit import Chem

from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import InputError
from eginterpolator.files.io import ascii_path

if TYPE_CHECKING:
    import mdtraj

Elements = Sequence[tuple[int, ...]]
"""Of each atom the atomic numbers that it may have, the likeliest first; none where nothing is known."""

_LETTERS_FIRST = ("CL", "BR", "SI", "SE")
"""Two letters that are an element rather than a carbon, boron or sulfur with a letter, wherever they stand."""
_SYMBOLS = {
    Chem.GetPeriodicTable().GetElementSymbol(number).upper(): number for number in range(1, 104)
}  # fmt: skip


def load_pdb(path: str | os.PathLike[str], frame: int | None = None) -> tuple[mdtraj.Trajectory, Elements]:
    """Frames of a PDB, all or one, and the elements that each atom may have; its topology has the likeliest.

    Raises
    ------
    InputError
        When the file is missing or cannot be read.
    """
    import mdtraj

    text = read_text(path)
    try:
        with _plain(Path(path), text) as plain:
            frames = mdtraj.load_pdb(str(plain), standard_names=False, frame=frame)
    except Exception as error:  # mdtraj's parser raises whatever the lines happen to hold
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(f"'{path}' cannot be read as a PDB file ({reason}); check it.") from error
    if not frames.n_atoms or not frames.n_frames:
        raise InputError(f"'{path}' cannot be read as a PDB file (it has no atoms); check it.")
    elements = _elements(frames.topology, text)
    for atom, numbers in zip(frames.topology.atoms, elements, strict=True):
        atom.element = mdtraj.element.Element.getByAtomicNumber(numbers[0]) if numbers else mdtraj.element.virtual
    return frames, elements


@contextlib.contextmanager
def _plain(path: Path, text: str) -> Iterator[Path]:
    """A path to the file for mdtraj, which reads UTF-8 alone: to a copy in ASCII, where there are other letters."""
    if text.isascii():
        with ascii_path(path) as plain:
            yield plain
        return
    with tempfile.TemporaryDirectory(prefix="egi-") as folder:
        copy = Path(folder) / "file.pdb"
        copy.write_bytes(text.encode("ascii", "replace"))
        yield copy


def _elements(topology: mdtraj.Topology, text: str) -> Elements:
    written = _written_elements(text)
    atoms = list(topology.atoms)
    if len(written) != len(atoms):  # alternate locations, which mdtraj merges: names alone are left
        written = ["" for _ in atoms]
    return [
        (_SYMBOLS[symbol],) if symbol in _SYMBOLS else named_elements(atom.name, atom.residue.n_atoms)
        for atom, symbol in zip(atoms, written, strict=True)
    ]


def _written_elements(text: str) -> list[str]:
    """Columns 77 and 78 of the atoms of the first model, in capitals."""
    found = []
    for line in text.splitlines():
        if line.startswith(("ATOM  ", "HETATM")):
            symbol = line[76:78].strip().upper()
            found.append("H" if symbol == "D" else symbol)
        elif line.startswith(("ENDMDL", "END")) and found:
            break
    return found


def named_elements(name: str, n_residue_atoms: int) -> tuple[int, ...]:
    """What an atom of this name may be, the likeliest first; empty where the name tells nothing.

    CL, BR, SI and SE are elements. Other pairs of letters (CA, NA, HG ...) are, in a residue of one atom only, ions;
    else the first letter is the element. Digits in front do not count.
    """
    letters = re.match(r"[^A-Za-z]*([A-Za-z]*)", name.strip())
    text = letters.group(1).upper() if letters else ""
    pair, single = _SYMBOLS.get(text[:2]) if len(text) > 1 else None, _SYMBOLS.get(text[:1])
    single = 1 if text[:1] == "D" else single
    both = [number for number in (pair, single) if number is not None]
    if pair is not None and text[:2] not in _LETTERS_FIRST and n_residue_atoms > 1:
        both.reverse()
    return tuple(dict.fromkeys(both))
