"""Files that other programs write, in their true layout, and what readers make of them."""

from __future__ import annotations

from pathlib import Path

import mdtraj
import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.filters import Dropped, graph_holds
from eginterpolator.data.store import Record
from eginterpolator.files.sdf import with_conformers
from tests.builders.networks import geometry, molecule

ALKENE = "C/C=C\\C#N"
HARTREE = 627.509474


def mol(smiles: str, shift: float = 0.0, shuffle: bool = True) -> Chem.Mol:
    """A Mol with one conformer, hydrogens between the heavy atoms."""
    placed = with_conformers(molecule(smiles).rdmol, geometry(smiles)[None] + shift)
    order = np.random.default_rng(3).permutation(placed.GetNumAtoms()).tolist()
    return Chem.RenumberAtoms(placed, order) if shuffle else placed


def read(reader) -> tuple[dict[str, Record], Dropped]:
    dropped = Dropped()
    return {record.name: record for record in reader.records(dropped)}, dropped


def same_structure(positions: np.ndarray, source: Chem.Mol, record: Record, tolerance: float = 1e-5) -> None:
    """Every atom of the record lies where an atom of its element lies in the source, and its bonds hold."""
    wanted = source.GetConformer().GetPositions()
    numbers = np.array([atom.GetAtomicNum() for atom in source.GetAtoms()])
    distances = np.linalg.norm(positions[:, None] - wanted[None], axis=-1)
    nearest = distances.argmin(axis=1)
    assert sorted(nearest) == list(range(len(wanted))) and distances.min(axis=1).max() < tolerance
    np.testing.assert_array_equal(numbers[nearest], record.molecule.atomic_numbers)
    assert graph_holds(record.molecule, positions[None]).all()
    assert frame_stereo(record.molecule, positions[None]).all()


def frames_of(smiles: str, n_frames: int = 12, seed: int = 0, noise: float = 0.01) -> np.ndarray:
    """Frames [n_frames, n_atoms, 3] in the order of `mol(smiles)`."""
    start = mol(smiles).GetConformer().GetPositions()
    return start + noise * np.random.default_rng(seed).standard_normal((n_frames, *start.shape))


def write_system(path: Path, smiles: str, waters: int = 2, box: float | None = 30.0) -> mdtraj.Trajectory:
    """A PDB of the solute (in the order of `mol`), water and an ion, with CONECT records; returns its frame."""
    source = mol(smiles)
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    ligand = topology.add_residue("LIG", chain)
    for k, atom in enumerate(source.GetAtoms()):
        topology.add_atom(f"{atom.GetSymbol()}{k}", mdtraj.element.Element.getBySymbol(atom.GetSymbol()), ligand)
    for bond in source.GetBonds():
        topology.add_bond(topology.atom(bond.GetBeginAtomIdx()), topology.atom(bond.GetEndAtomIdx()))
    positions = [source.GetConformer().GetPositions()]
    for k in range(waters):
        water = topology.add_residue("SOL", chain)
        for name in ("O", "H1", "H2"):
            topology.add_atom(name, mdtraj.element.Element.getBySymbol(name[0]), water)
        positions.append(np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]) + [12.0, 6.0 * k, 12.0])
    if waters:
        topology.add_atom("NA", mdtraj.element.sodium, topology.add_residue("NA+", chain))
        positions.append(np.full((1, 3), -12.0))
    frame = mdtraj.Trajectory(np.concatenate(positions)[None] / 10.0, topology)
    if box is not None:
        frame.unitcell_vectors = np.eye(3)[None] * box / 10.0
    frame.save_pdb(str(path))
    return frame


def cut(content: bytes, frames: int) -> bytes:
    """The first bytes of an XTC of 12 frames."""
    return content[: len(content) * frames // 12 - 3]
