"""Trajectories and conformer ensembles, and their way to MDTraj, MDAnalysis, ASE, RDKit and files."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.molecule import Molecule

if TYPE_CHECKING:
    import ase
    import MDAnalysis
    import mdtraj
    from rdkit import Chem

RESIDUE = "LIG"


@dataclass(eq=False)
class Trajectory:
    """Frames of one molecule at an even spacing in time.

    Attributes
    ----------
    molecule : Molecule
    positions : float32 [n_frames, n_atoms, 3], or [n_frames, n_heavy, 3] where there are no hydrogens
        Å, atoms in the molecule's order.
    frame_ps : float
        Time between frames, ps; the first is at 0.
    meta : dict
        How it was made.

    Raises
    ------
    InputError
        When the positions do not fit the molecule, or the spacing is not a positive number.
    """

    molecule: Molecule
    positions: np.ndarray
    frame_ps: float
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.positions = _checked(self.molecule, self.positions, "frames")
        self.frame_ps = float(self.frame_ps)
        if not (np.isfinite(self.frame_ps) and self.frame_ps > 0):
            raise InputError(
                f"The frame spacing of '{self.molecule.name}' is {self.frame_ps} ps; give a positive number."
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    @property
    def has_hydrogens(self) -> bool:
        """Whether the positions cover all atoms of the molecule."""
        return self.positions.shape[1] == self.molecule.n_atoms

    @property
    def heavy(self) -> np.ndarray:
        """Heavy-atom positions, float32 [n_frames, n_heavy, 3] in Å."""
        return self.positions[:, : self.molecule.n_heavy]

    @property
    def times_ps(self) -> np.ndarray:
        """Time of each frame, float64 [n_frames] in ps, from 0."""
        return np.arange(self.n_frames) * self.frame_ps

    @property
    def frame_mol(self) -> Chem.Mol:
        """RDKit Mol of the atoms that `positions` has, without conformers."""
        return _graph(self.molecule, self.has_hydrogens)

    def to_mdtraj(self) -> mdtraj.Trajectory:
        """MDTraj trajectory: nm, ps, elements, bonds with their orders, one residue LIG."""
        from eginterpolator.convert import to_mdtraj

        return to_mdtraj(self)

    def to_mdanalysis(self) -> MDAnalysis.Universe:
        """MDAnalysis universe in memory: Å, ps, elements, masses, bonds. Needs the extra `convert`."""
        from eginterpolator.convert import to_mdanalysis

        return to_mdanalysis(self)

    def to_ase(self) -> list[ase.Atoms]:
        """One `ase.Atoms` a frame, Å, `info` holding time_ps and smiles. Needs the extra `convert`."""
        from eginterpolator.convert import to_ase

        return to_ase(self)

    def to_rdkit(self) -> Chem.Mol:
        """RDKit Mol with one conformer a frame, ids 0 to n_frames - 1, Å."""
        return with_conformers(self.frame_mol, self.positions)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trajectory, whole or not at all.

        The suffix chooses the format: .xtc (0.01 Å), .dcd, .pdb, .sdf, .xyz, .h5 (MDTraj's layout), .npz (exact).

        Raises
        ------
        InputError
            When the suffix is not one of these, or a coordinate is not finite.
        """
        from eginterpolator.convert import save

        save(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        molecule: Molecule | str | os.PathLike[str],
        frame_ps: float | None = None,
    ) -> Trajectory:
        """Read a file that `save` can write, or a TRR or NetCDF file.

        Parameters
        ----------
        path : path
        molecule : Molecule or path of an SDF
            With a Molecule the file's atoms are in its order, with an SDF in the order of that file.
        frame_ps : float, optional
            Time between frames; only needed where the file does not tell (.dcd, .pdb, a single frame).

        Raises
        ------
        InputError
            When the file is missing, broken, of another molecule, or its frame times are missing or uneven.
        """
        from eginterpolator.convert import load

        return load(path, molecule, frame_ps)

    def show(self) -> NotebookView:
        """The report page of this trajectory, for display in a notebook."""
        from eginterpolator.report import trajectory_page

        return NotebookView(trajectory_page(self))

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.molecule.smiles!r}, {self.n_frames} frames every {self.frame_ps:g} ps, "
            f"{self.positions.shape[1]} atoms)"
        )


@dataclass(eq=False)
class ConformerEnsemble:
    """Independent structures of one molecule.

    Attributes
    ----------
    molecule : Molecule
    positions : float32 [n_conformers, n_atoms or n_heavy, 3]
        Å.
    energies_kcal : float64 [n_conformers] or None
    meta : dict

    Raises
    ------
    InputError
        When positions or energies do not fit.
    """

    molecule: Molecule
    positions: np.ndarray
    energies_kcal: np.ndarray | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.positions = _checked(self.molecule, self.positions, "conformers")
        if self.energies_kcal is not None:
            self.energies_kcal = np.asarray(self.energies_kcal, dtype=np.float64)
            if self.energies_kcal.shape != (len(self.positions),):
                raise InputError(
                    f"There are {len(self.positions)} conformers of '{self.molecule.name}' but energies of shape "
                    f"{list(self.energies_kcal.shape)}; give one energy for each."
                )

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def has_hydrogens(self) -> bool:
        """Whether the positions cover all atoms of the molecule."""
        return self.positions.shape[1] == self.molecule.n_atoms

    @property
    def heavy(self) -> np.ndarray:
        """Heavy-atom positions, float32 [n_conformers, n_heavy, 3] in Å."""
        return self.positions[:, : self.molecule.n_heavy]

    def to_rdkit(self) -> Chem.Mol:
        """RDKit Mol with every conformer, Å."""
        return with_conformers(_graph(self.molecule, self.has_hydrogens), self.positions)

    def __repr__(self) -> str:
        return f"ConformerEnsemble({self.molecule.smiles!r}, {len(self)} conformers)"


@dataclass(frozen=True)
class NotebookView:
    """A page that a notebook shows in a frame of its own."""

    page: str = field(repr=False)
    height_px: int = 720

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page, quote=True)}" '
            f'style="width: 100%; height: {self.height_px}px; border: 0" allow="fullscreen; clipboard-write"></iframe>'
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to an HTML file."""
        from eginterpolator.io import write_text

        write_text(path, self.page)
        return Path(path)


def with_conformers(mol: Chem.Mol, positions: np.ndarray) -> Chem.Mol:
    """Copy of `mol` whose conformers are `positions` [K, n_atoms, 3], Å."""
    from rdkit import Chem

    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    for frame in positions:
        conformer = Chem.Conformer(len(frame))
        conformer.Set3D(True)
        conformer.SetPositions(np.ascontiguousarray(frame, dtype=np.float64))
        mol.AddConformer(conformer, assignId=True)
    return mol


def even_spacing(times_ps: np.ndarray, path: str | os.PathLike[str]) -> float:
    """Time between frames in ps from the times [T > 1] of a file; InputError naming it where they are uneven."""
    steps = np.diff(np.asarray(times_ps, dtype=np.float64))
    spacing = round(float(steps.sum()) / len(steps), 4)
    if not spacing > 0 or np.abs(steps - spacing).max() > 0.02 * spacing:
        raise InputError(f"The frames of '{path}' have no even spacing in time.")
    return spacing


def _graph(molecule: Molecule, hydrogens: bool) -> Chem.Mol:
    from rdkit import Chem

    mol = Chem.Mol(molecule.rdmol if hydrogens else molecule.heavy_mol)
    mol.RemoveAllConformers()
    mol.SetProp("_Name", molecule.name)
    return mol


def _checked(molecule: Molecule, positions: Any, what: str) -> np.ndarray:
    array = np.ascontiguousarray(positions, dtype=np.float32)
    fits = array.ndim == 3 and len(array) > 0 and array.shape[2] == 3
    if not fits or array.shape[1] not in (molecule.n_atoms, molecule.n_heavy):
        raise InputError(
            f"Positions of shape {list(array.shape)} do not fit '{molecule.name}'; give [{what}, {molecule.n_atoms} "
            f"atoms, 3], or {molecule.n_heavy} atoms without hydrogens, in Å."
        )
    return array


def sdf_molecule(path: str | os.PathLike[str]) -> tuple[Molecule, np.ndarray]:
    """The first molecule of an SDF, and where its atoms stand in that file.

    Where the record has a property `smiles`, that decides the stereo: coordinates of a trajectory may have lost it.

    Returns
    -------
    Molecule, int64 [n]
        The molecule in its own order (heavy atoms first), and for each of its n stored atoms the index in the file:
        `stored[..., order, :]` are positions in the molecule's order. n is n_heavy for a file without hydrogens.

    Raises
    ------
    InputError
        When the file is missing or unreadable, or its smiles is of another molecule.
    """
    from rdkit import Chem

    from eginterpolator.molecule import molecules_from_sdf

    molecule = molecules_from_sdf(path)[0]
    stored = Chem.SDMolSupplier(str(path), removeHs=False)[0]
    numbers = np.array([atom.GetAtomicNum() for atom in stored.GetAtoms()])
    if stored.HasProp("smiles"):
        molecule = _with_stereo_of(molecule, stored.GetProp("smiles").strip(), path)
    return molecule, np.argsort(numbers <= 1, kind="stable")


def write_sdf(
    path: str | os.PathLike[str], molecule: Molecule, positions: np.ndarray, energies_kcal: np.ndarray | None = None
) -> None:
    """Write structures [K, n_atoms or n_heavy, 3] in Å as an SDF with the properties `smiles` and `energy_kcal`."""
    from rdkit import Chem

    from eginterpolator.io import atomic_path

    mol = with_conformers(_graph(molecule, np.shape(positions)[1] == molecule.n_atoms), positions)
    mol.SetProp("smiles", molecule.smiles)
    with atomic_path(path) as temporary:
        with Chem.SDWriter(str(temporary)) as writer:
            for k in range(len(positions)):
                if energies_kcal is not None:
                    mol.SetProp("energy_kcal", f"{float(energies_kcal[k]):.4f}")
                writer.write(mol, confId=k)


def _with_stereo_of(molecule: Molecule, smiles: str, path: str | os.PathLike[str]) -> Molecule:
    """`molecule` with the stereo of `smiles`, its atoms and conformers left where they are."""
    from rdkit import Chem

    try:
        wanted = Molecule.from_smiles(smiles)
    except InputError:  # stereo left open, or no SMILES at all: the coordinates decide
        return molecule
    if wanted.smiles == molecule.smiles:
        return molecule
    if wanted.smiles_flat != molecule.smiles_flat:
        raise InputError(f"'{path}' says that its smiles is '{smiles}', but it holds '{molecule.smiles}'.")
    plain = [Chem.Mol(mol) for mol in (molecule.rdmol, wanted.rdmol)]
    for mol in plain:
        Chem.RemoveStereochemistry(mol)
    matches = plain[1].GetSubstructMatches(plain[0], uniquify=False, maxMatches=64)
    if not matches:
        return molecule
    placed = [Molecule(Chem.RenumberAtoms(wanted.rdmol, list(match)), molecule.name) for match in matches]
    best = max(placed, key=lambda candidate: _agreement(candidate, molecule))
    for conformer in molecule.rdmol.GetConformers():
        best.rdmol.AddConformer(conformer, assignId=True)
    return best


def _agreement(candidate: Molecule, molecule: Molecule) -> int:
    """Stereocentres and double bonds that both label alike: picks among symmetric numberings."""
    centres = {(*row, sign) for row, sign in zip(*_sorted_triples(molecule), strict=True)}
    return sum((*row, sign) in centres for row, sign in zip(*_sorted_triples(candidate), strict=True))


def _sorted_triples(molecule: Molecule) -> tuple[list[tuple[int, ...]], list[float]]:
    rows, signs = [], []
    for row, sign in zip(molecule.triples.tolist(), molecule.triple_signs.tolist(), strict=True):
        order = sorted(range(1, 4), key=lambda k, row=row: row[k])  # type: ignore[misc]
        odd = order in ([1, 3, 2], [2, 1, 3], [3, 2, 1])
        rows.append((row[0], *(row[k] for k in order)))
        signs.append(-sign if odd else sign)
    return rows, signs
