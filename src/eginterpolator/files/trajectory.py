"""Trajectories and conformer ensembles, and their way to MDTraj, MDAnalysis, ASE, RDKit and files."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.io import write_text
from eginterpolator.files.notebook import Table, card_html
from eginterpolator.files.sdf import frame_graph, with_conformers
from eginterpolator.machine.registry import Registry

if TYPE_CHECKING:
    import ase
    import MDAnalysis
    import mdtraj
    from rdkit import Chem


VIEWERS: Registry[Callable[[Trajectory], str]] = Registry(
    "eginterpolator.viewers", "viewer", {"report": "eginterpolator.report.page:trajectory_page"}
)
"""What makes an HTML page of a trajectory. Found by name, since pages are made far above files."""
ANALYSES: Registry[Callable[[Trajectory], Table]] = Registry(
    "eginterpolator.analyses",
    "analysis",
    {
        "torsions": "eginterpolator.analysis.tables:trajectory_torsions",
        "states": "eginterpolator.analysis.tables:trajectory_states",
    },
)
"""What makes a table of a trajectory. Found by name, since analysis stands above files."""


class _Structures:
    """What trajectories and ensembles know of the atoms that their positions [..., n_atoms or n_heavy, 3] have."""

    molecule: Molecule
    positions: np.ndarray

    @property
    def has_hydrogens(self) -> bool:
        """Whether the positions cover all atoms of the molecule."""
        return self.positions.shape[1] == self.molecule.n_atoms

    @property
    def heavy(self) -> np.ndarray:
        """Heavy-atom positions, float32 [n_frames or n_conformers, n_heavy, 3] in Å."""
        return self.positions[:, : self.molecule.n_heavy]


@dataclass(eq=False)
class Trajectory(_Structures):
    """Frames of one molecule at an even spacing in time.

    Attributes
    ----------
    molecule : Molecule
    positions : float32 [n_frames, n_atoms, 3], or [n_frames, n_heavy, 3] where there are no hydrogens
        Å, atoms in the molecule's order.
    frame_ps : float
        Time between frames, ps; the first is at 0.
    meta : dict
        How it was made; `conditions` reads it.

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
    def times_ps(self) -> np.ndarray:
        """Time of each frame, float64 [n_frames] in ps, from 0."""
        return np.arange(self.n_frames) * self.frame_ps

    @property
    def conditions(self) -> Conditions:
        """Ensemble, temperature and friction that its frames are samples of."""
        return Conditions.of_meta(self.meta)

    @property
    def frame_mol(self) -> Chem.Mol:
        """RDKit Mol of the atoms that `positions` has, without conformers."""
        return frame_graph(self.molecule, self.has_hydrogens)

    def to_mdtraj(self) -> mdtraj.Trajectory:
        """MDTraj trajectory: nm, ps, elements, bonds with their orders, one residue LIG."""
        from eginterpolator.files.convert import to_mdtraj

        return to_mdtraj(self)

    def to_mdanalysis(self) -> MDAnalysis.Universe:
        """MDAnalysis universe in memory: Å, ps, elements, masses, bonds. Needs the extra `convert`."""
        from eginterpolator.files.convert import to_mdanalysis

        return to_mdanalysis(self)

    def to_ase(self) -> list[ase.Atoms]:
        """One `ase.Atoms` a frame, Å, `info` holding time_ps and smiles. Needs the extra `convert`."""
        from eginterpolator.files.convert import to_ase

        return to_ase(self)

    def to_rdkit(self) -> Chem.Mol:
        """RDKit Mol with one conformer a frame, ids 0 to n_frames - 1, Å."""
        return with_conformers(self.frame_mol, self.positions)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trajectory, whole or not at all.

        The suffix chooses the format: .xtc (0.01 Å), .dcd, .pdb, .sdf, .gro (0.01 Å), .xyz, .h5 (MDTraj's
        layout), .npz (exact).

        Raises
        ------
        InputError
            When the suffix is not one of these, or a coordinate is not finite.
        """
        from eginterpolator.files.convert import save

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
            Time between frames: needed where the file does not tell (.dcd, .pdb, a single frame), else taken instead of
            what it tells, with a warning.

        Raises
        ------
        InputError
            When the file is missing, broken, of another molecule, or its frame times are missing or uneven.
        """
        from eginterpolator.files.convert import load

        found, positions, spacing = load(path, molecule, frame_ps)
        return cls(found, positions, spacing, {"file": Path(path).name})

    def show(self) -> NotebookView:
        """The report page of this trajectory, for display in a notebook."""
        return NotebookView(VIEWERS["report"](self))

    def torsions(self) -> Table:
        """Wells of every torsion with their names, shares and intervals: the columns of `torsions.csv`.

        A dictionary of columns, which `pandas.DataFrame` takes; `to_pandas()` gives one.
        """
        return ANALYSES["torsions"](self)

    def states(self) -> Table:
        """Rotamer states with populations, lifetimes and the frame that shows each: the columns of `states.csv`."""
        return ANALYSES["states"](self)

    def _repr_html_(self) -> str:
        span = (self.n_frames - 1) * self.frame_ps
        facts = [("frames", self.n_frames), ("every", f"{self.frame_ps:g} ps"), ("in all", f"{span:g} ps")]
        return card_html(self.molecule, [*facts, *_facts(self)], "show() plays it; torsions() and states() are tables.")

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.molecule.smiles!r}, {self.n_frames} frames every {self.frame_ps:g} ps, "
            f"{self.positions.shape[1]} atoms)"
        )


@dataclass(eq=False)
class ConformerEnsemble(_Structures):
    """Independent structures of one molecule.

    Attributes
    ----------
    molecule : Molecule
    positions : float32 [n_conformers, n_atoms or n_heavy, 3]
        Å.
    energies_kcal : float64 [n_conformers] or None
    meta : dict
    table : Table or None
        What is known of each conformer, a row each: energies, populations, clusters.
    clusters : Table or None
        A row a cluster; `frame` is the conformer that stands for it, from 0.

    Raises
    ------
    InputError
        When positions, energies or table do not fit.
    """

    molecule: Molecule
    positions: np.ndarray
    energies_kcal: np.ndarray | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    table: Table | None = None
    clusters: Table | None = None

    def __post_init__(self) -> None:
        self.positions = _checked(self.molecule, self.positions, "conformers")
        if self.table is not None and self.table.n_rows != len(self.positions):
            raise InputError(
                f"There are {len(self.positions)} conformers of '{self.molecule.name}' but {self.table.n_rows} rows of "
                "their table; give one for each."
            )
        if self.energies_kcal is not None:
            self.energies_kcal = np.asarray(self.energies_kcal, dtype=np.float64)
            if self.energies_kcal.shape != (len(self.positions),):
                raise InputError(
                    f"There are {len(self.positions)} conformers of '{self.molecule.name}' but energies of shape "
                    f"{list(self.energies_kcal.shape)}; give one energy for each."
                )

    def __len__(self) -> int:
        return len(self.positions)

    def to_rdkit(self) -> Chem.Mol:
        """RDKit Mol with every conformer, Å."""
        return with_conformers(frame_graph(self.molecule, self.has_hydrogens), self.positions)

    def _repr_html_(self) -> str:
        energies = self.energies_kcal
        known = [] if energies is None else [("energies", f"{energies.min():.2f} to {energies.max():.2f} kcal/mol")]
        return card_html(self.molecule, [("conformers", len(self)), *known, *_facts(self)])

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
        write_text(path, self.page)
        return Path(path)


def _facts(found: Trajectory | ConformerEnsemble) -> list[tuple[str, Any]]:
    """What a notebook says of how frames were made, where it is known."""
    shown = ("model", "source", "seed", "stereo_retention", "valid", "warnings")
    lines = [("atoms", f"{found.positions.shape[1]}" + ("" if found.has_hydrogens else ", no hydrogens"))]
    for key in shown:
        value = found.meta.get(key)
        if value is not None and value != []:
            text = " ".join(map(str, value)) if isinstance(value, list) else value
            lines.append((key.replace("_", " "), text))
    return lines


def _checked(molecule: Molecule, positions: Any, what: str) -> np.ndarray:
    array = np.ascontiguousarray(positions, dtype=np.float32)
    fits = array.ndim == 3 and len(array) > 0 and array.shape[2] == 3
    if not fits or array.shape[1] not in (molecule.n_atoms, molecule.n_heavy):
        raise InputError(
            f"Positions of shape {list(array.shape)} do not fit '{molecule.name}'; give [{what}, {molecule.n_atoms} "
            f"atoms, 3], or {molecule.n_heavy} atoms without hydrogens, in Å."
        )
    return array
