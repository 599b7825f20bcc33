"""Which molecule a trajectory is of: bonds, bond orders and stereo from a topology file, solvent left out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdDetermineBonds, rdmolops

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.text import read_text, suffix_of
from eginterpolator.data.filters import graph_holds, same_stereo
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.matching import Atoms, match_atoms
from eginterpolator.files.pdb import Elements, load_pdb
from eginterpolator.files.sdf import sdf_molecule, with_conformers

if TYPE_CHECKING:
    import mdtraj

CONNECTED = 1.15
"""Atoms nearer than this times the sum of their covalent radii are bonded, where a file names no bonds."""


TOPOLOGIES = (".pdb", ".sdf", ".mol", ".mol2")
"""Formats of `read_topology`."""


@dataclass(frozen=True)
class Solute:
    """A molecule and where its atoms are in the frames of a trajectory.

    Attributes
    ----------
    molecule : Molecule
    atoms : int64 [n_atoms]
        For each of its atoms the index in the topology.
    n_topology : int
        Atoms of the topology, solvent included.
    """

    molecule: Molecule
    atoms: np.ndarray
    n_topology: int

    def rows(self, n_frame_atoms: int) -> tuple[int, np.ndarray]:
        """How many atoms a frame must have and which are the molecule's: frames may hold the solute alone."""
        if n_frame_atoms == len(self.atoms) < self.n_topology:
            return n_frame_atoms, np.argsort(np.argsort(self.atoms))
        return self.n_topology, self.atoms


def read_topology(
    path: str | os.PathLike[str], molecule: str | None = None, residue: str | None = None, charge: int = 0
) -> Solute:
    """The solute of a PDB, SDF, MOL or MOL2 file.

    An SDF or MOL2 holds the molecule alone, with its bond orders. Of a PDB, water and single ions are left out; what
    is left must be one molecule, or `residue` names it. Its bonds are the CONECT records, or those that the distances
    show; bond orders come from `molecule`, or from geometry and total charge (RDKit's DetermineBonds, Kim and Kim
    2015).

    Parameters
    ----------
    molecule : str, optional
        SMILES, or path of an SDF, of what it is. It must be the isomer that the coordinates show.
    residue : str, optional
        Residue name of the solute.
    charge : int
        Total charge of the solute, used where bond orders come from the geometry.

    Raises
    ------
    InputError
        When the file is missing or unreadable, has no bonds, no hydrogens, several molecules, or is of another one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no topology '{path}'.")
    wanted = None if molecule is None else _named(molecule)
    suffix = suffix_of(path)
    if suffix in (".sdf", ".mol"):
        solute = _of_sdf(path)
    elif suffix == ".mol2":
        solute = _of_mol2(path)
    elif suffix == ".pdb":
        solute = _of_pdb(path, wanted, residue, charge)
    else:
        raise InputError(f"'{path.name}' is no topology that can be read; give a PDB, SDF or MOL2 file.")
    if wanted is not None:
        found = solute.molecule
        if found.smiles_flat != wanted.smiles_flat or not same_stereo(found, wanted.smiles):
            raise InputError(f"'{path}' holds '{found.smiles}', not '{wanted.smiles}'; name the molecule it shows.")
    return solute


def solvent_residue(residue: mdtraj.core.topology.Residue) -> bool:
    """Whether a residue is water or a single ion, by composition: names differ from program to program."""
    symbols = sorted(atom.element.symbol for atom in residue.atoms if atom.element.atomic_number > 0)
    return symbols == ["H", "H", "O"] or len(symbols) == 1


def _named(source: str) -> Molecule:
    molecules, failures = read_inputs(source)
    if failures or len(molecules) != 1:
        raise InputError(f"'{source}' must name one molecule; give a SMILES or an SDF with one.")
    return molecules[0]


def _of_sdf(path: Path) -> Solute:
    molecule, order = sdf_molecule(path)
    if len(order) != molecule.n_atoms:
        raise InputError(f"'{path}' lacks hydrogens; write the topology with all atoms of the trajectory.")
    return Solute(molecule, order, len(order))


def _of_mol2(path: Path) -> Solute:
    mol = Chem.MolFromMol2Block(read_text(path), removeHs=False)
    if mol is None:
        raise InputError(f"'{path}' cannot be read as MOL2 with bonds; write the topology as SDF.")
    return _ordered(mol, path, np.arange(mol.GetNumAtoms()), mol.GetNumAtoms())


def _of_pdb(path: Path, wanted: Molecule | None, residue: str | None, charge: int) -> Solute:
    frame, elements = load_pdb(path, 0)
    atoms = solute_atoms(frame.topology, path, residue)
    if wanted is not None and any(len(elements[k]) > 1 for k in atoms):
        _settle_elements(frame, [elements[k] for k in atoms], atoms, wanted, path)
    mol = _connected(frame, atoms, path)
    hydrogens = sum(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms())
    if hydrogens == 0 if wanted is None else hydrogens != wanted.n_atoms - wanted.n_heavy:
        raise InputError(f"The solute of '{path}' has {hydrogens} hydrogens; write the topology with all of its atoms.")
    if wanted is not None:
        try:
            mol = AllChem.AssignBondOrdersFromTemplate(wanted.rdmol, mol)
        except ValueError as error:
            raise InputError(f"The solute of '{path}' is not '{wanted.smiles}': their bonds differ.") from error
    else:
        try:
            rdDetermineBonds.DetermineBondOrders(mol, charge=charge, maxIterations=100_000)
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"The bond orders of '{path}' do not follow from its geometry and a charge of {charge}; "
                "name the molecule with --molecule SMILES, or its --charge."
            ) from error
    return _ordered(mol, path, atoms, frame.n_atoms)


def solute_atoms(topology: mdtraj.Topology, path: Path, residue: str | None = None) -> np.ndarray:
    """Indices of all atoms but water and ions, or of the residue of that name; InputError where there are none."""
    residues = [r for r in topology.residues if (r.name == residue if residue else not solvent_residue(r))]
    if not residues:
        names = ", ".join(sorted({r.name for r in topology.residues})[:8])
        what = f"no residue '{residue}'" if residue else "nothing but solvent"
        raise InputError(f"'{path}' holds {what} (residues {names}); name the solute with --residue.")
    atoms = [atom for r in residues for atom in r.atoms]
    unknown = next((atom for atom in atoms if atom.element.atomic_number == 0), None)
    if unknown is not None:
        raise InputError(
            f"Atom {unknown.index + 1} ({unknown.name}) of '{path}' has no element; write columns 77 and 78."
        )
    return np.array([atom.index for atom in atoms], dtype=np.int64)


def _settle_elements(
    frame: mdtraj.Trajectory, elements: Elements, atoms: np.ndarray, wanted: Molecule, path: Path
) -> None:
    """Of the elements that a name allows take those of the molecule's graph, where it can be found in the frame."""
    import mdtraj

    try:
        rows = match_atoms(Atoms(elements, frame.xyz[0, atoms] * 10.0, None, f"'{path}'"), wanted)
    except InputError:  # what does not fit is said by the checks that follow
        return
    for row, number in zip(rows, wanted.atomic_numbers, strict=False):
        element = mdtraj.element.Element.getByAtomicNumber(int(number))
        frame.topology.atom(int(atoms[row])).element = element


def _connected(frame: mdtraj.Trajectory, atoms: np.ndarray, path: Path) -> Chem.Mol:
    """The solute as one fragment of single bonds: from the file, or from distances."""
    numbers = [frame.topology.atom(int(k)).element.atomic_number for k in atoms]
    bare = Chem.RWMol()
    for number in numbers:
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        bare.AddAtom(atom)
    bare = Chem.RWMol(with_conformers(bare, frame.xyz[:1, atoms].astype(np.float64) * 10.0))
    place = {int(atom): k for k, atom in enumerate(atoms)}
    mol = Chem.RWMol(bare)
    for first, second in frame.topology.bonds:
        if first.index in place and second.index in place:
            mol.AddBond(place[first.index], place[second.index], Chem.BondType.SINGLE)
    if len(rdmolops.GetMolFrags(mol)) > 1:
        mol = bare
        rdDetermineBonds.DetermineConnectivity(mol, useVdw=True, covFactor=CONNECTED)
    fragments = rdmolops.GetMolFrags(mol)
    if len(fragments) > 1:
        names = sorted({frame.topology.atom(int(atoms[k])).residue.name for part in fragments for k in part})
        raise InputError(
            f"'{path}' holds {len(fragments)} molecules besides water and ions (residues {', '.join(names[:8])}), or "
            "one that is broken across the box; name the solute with --residue, or write it whole."
        )
    return mol.GetMol()


def _ordered(mol: Chem.Mol, path: Path, atoms: np.ndarray, n_topology: int) -> Solute:
    if mol.GetNumAtoms() > 1 and mol.GetNumBonds() == 0:
        raise InputError(f"'{path}' has atoms but no bonds; write it with bonds.")
    molecule = Molecule.from_rdkit(mol, path.stem)
    if molecule.n_atoms != mol.GetNumAtoms():
        raise InputError(f"'{path}' lacks hydrogens; write the topology with all atoms of the trajectory.")
    if mol.GetNumConformers() and mol.GetConformer().Is3D():
        positions = molecule.rdmol.GetConformer().GetPositions()
        if not graph_holds(molecule, positions[None])[0]:
            raise InputError(
                f"The bonds of '{path}' are not those that its coordinates show; check atom order and box."
            )
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    return Solute(molecule, atoms[np.argsort(numbers <= 1, kind="stable")], n_topology)
