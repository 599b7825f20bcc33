"""Given frames from files: the `--start` and `--end` of forward simulation and interpolation."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError, shortened


@dataclass(frozen=True)
class Endpoint:
    """A conditioning frame as the user gave it: Å, [n_atoms, 3], or [n_heavy, 3] where it has no hydrogens."""

    positions: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, positions: np.ndarray, molecule: Molecule) -> Endpoint:
        """Check the shape of a given frame of `molecule`.

        Raises
        ------
        InputError
            When it is not [n_atoms, 3] or [n_heavy, 3], or not finite.
        """
        frame = np.asarray(positions, dtype=np.float32)
        if frame.shape not in ((molecule.n_atoms, 3), (molecule.n_heavy, 3)) or not np.isfinite(frame).all():
            raise InputError(
                f"A given frame of '{shortened(molecule.smiles)}' must be finite and of shape ({molecule.n_atoms}, 3) "
                f"or ({molecule.n_heavy}, 3) in Å; this one has shape {frame.shape}."
            )
        return cls(frame)

    def heavy(self, molecule: Molecule) -> np.ndarray:
        """Heavy atoms, [n_heavy, 3]."""
        return self.positions[: molecule.n_heavy]


def read_endpoint(source: str | os.PathLike[str], molecule: Molecule) -> Endpoint:
    """One frame of `molecule` from a file, in the molecule's own atom order.

    Parameters
    ----------
    source : path
        An `.sdf` (any atom order; matched by the graph and its stereo), or a `.pdb`, `.xyz` or `.xtc` whose atoms are
        those of the molecule folder's `topology.pdb`, in its order. `FILE#k` takes conformer or frame k, counted
        from 0, negative from the end; without it the first.

    Raises
    ------
    InputError
        When the file is missing, is another molecule, or has no such frame.
    """
    path, index = Path(source), ""
    if not path.is_file():
        text, _, index = os.fspath(source).rpartition("#")
        path = Path(text or source)
    if not path.is_file():
        raise InputError(f"There is no file '{path}' to take a frame from.")
    try:
        number = int(index) if index else 0
    except ValueError as error:
        raise InputError(f"'#{index}' is no frame number; write for example '{path}#0'.") from error
    suffix = path.suffix.lower()
    if suffix == ".sdf":
        frames = _from_sdf(path, molecule)
    elif suffix in (".pdb", ".xyz", ".xtc"):
        frames = _from_frames(path, molecule)
    else:
        raise InputError(f"'{path}' is no .sdf, .pdb, .xyz or .xtc file; convert the frame to one of these.")
    if not -len(frames) <= number < len(frames):
        raise InputError(f"'{path}' has {len(frames)} frames and none with number {number}.")
    return Endpoint.of(frames[number], molecule)


def _from_sdf(path: Path, molecule: Molecule) -> np.ndarray:
    frames = []
    for entry in Chem.SDMolSupplier(str(path), removeHs=False):
        if entry is None or entry.GetNumConformers() == 0 or not entry.GetConformer().Is3D():
            raise InputError(f"'{path}' has an entry without readable 3D coordinates.")
        other = Molecule.from_rdkit(entry)
        has_hydrogens = entry.GetNumAtoms() == molecule.n_atoms
        wanted, found = (molecule.rdmol, other.rdmol) if has_hydrogens else (molecule.heavy_mol, other.heavy_mol)
        match = found.GetSubstructMatch(wanted, useChirality=True)
        if found.GetNumAtoms() != wanted.GetNumAtoms() or len(match) != wanted.GetNumAtoms():
            raise InputError(f"'{path}' is {other.smiles}, not the molecule {molecule.smiles} that is asked for.")
        frames.append(other.rdmol.GetConformer().GetPositions()[list(match)])
    if not frames:
        raise InputError(f"'{path}' holds no molecule.")
    return np.array(frames, dtype=np.float32)


def _from_frames(path: Path, molecule: Molecule) -> np.ndarray:
    import mdtraj

    topology = path.with_name("topology.pdb")
    try:
        if path.suffix.lower() == ".pdb":
            loaded = mdtraj.load(str(path))
        elif topology.is_file():
            loaded = mdtraj.load(str(path), top=str(topology))
        else:
            raise InputError(f"'{path}' says nothing of its atoms; put its topology.pdb beside it, or give an .sdf.")
    except InputError:
        raise
    except Exception as error:  # mdtraj's readers raise whatever their parsers find
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"'{path}' cannot be read ({reason}).") from error
    numbers = [atom.element.atomic_number if atom.element else 0 for atom in loaded.topology.atoms]
    expected = molecule.atomic_numbers.tolist()
    if numbers not in (expected, expected[: molecule.n_heavy]):
        raise InputError(
            f"The atoms of '{path}' are not those of {molecule.smiles} in the order of its topology.pdb; give an .sdf."
        )
    return np.asarray(loaded.xyz * 10.0, dtype=np.float32)
