"""Files that tell their atoms: elements, bonds and frames of each format, and what is damaged."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.errors import InputError
from eginterpolator.files.structures import read_structures, read_trajectory, read_xyz
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import CHIRAL, geometry, molecule


@pytest.fixture
def made() -> Trajectory:
    return Trajectory(molecule(CHIRAL), np.float32(np.stack([geometry(CHIRAL) + k for k in range(3)])), 2.0)


@pytest.mark.parametrize("suffix", ["pdb", "sdf", "xyz", "h5", "npz"])
def test_elements_bonds_and_frames(tmp_path, made, suffix):
    made.save(tmp_path / f"a.{suffix}")
    found = read_structures(tmp_path / f"a.{suffix}")
    assert [each[0] for each in found.elements] == made.molecule.atomic_numbers.tolist()
    np.testing.assert_allclose(found.frames, made.positions, atol=2e-3)
    if suffix in ("pdb", "sdf", "h5"):
        pairs = sorted(tuple(sorted(pair)) for pair in found.bonds.tolist())
        assert pairs == [tuple(pair) for pair in made.molecule.bonds.tolist()]


def test_a_trajectory_has_the_atoms_of_its_topology(tmp_path, made):
    made.save(tmp_path / "a.dcd")
    (tmp_path / "top.mol").write_text(Chem.MolToMolBlock(made.to_rdkit()))
    found = read_trajectory(tmp_path / "a.dcd", tmp_path / "top.mol")
    assert len(found.frames) == 3 and len(found.elements) == made.molecule.n_atoms and found.cell is None
    with pytest.raises(InputError, match="says nothing of its atoms"):
        read_trajectory(tmp_path / "a.dcd")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", "3\n\nC 0 0 0\nC 1 1 1\n", "cut off"),
        ("a.xyz", "two\n\nC 0 0 0\n", "damaged or no XYZ"),
        ("a.xyz", "1\n\nQq 0 0 0\n", "damaged or no XYZ"),
        ("a.xyz", "1\n\nC 0 0\n", "damaged or no XYZ"),
        ("a.sdf", "\n", "holds no molecule"),
        ("a.sdf", "nonsense\n$$$$\n", "Record 1 of .* cannot be read"),
        ("a.mol2", "nonsense", "cannot be read as MOL2"),
        ("a.npz", "nonsense", "no trajectory that Trajectory.save wrote"),
        ("a.h5", "nonsense", "damaged or cut off"),
        ("a.xtc", "nonsense", "says nothing of its atoms"),
        ("a.pdb", "", "is empty"),
    ],
)
def test_damage_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_structures(tmp_path / name)


def test_records_of_different_molecules_are_no_frames(tmp_path):
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(smiles)) for smiles in ("CC", "CCC")]
    (tmp_path / "a.sdf").write_text("$$$$\n".join([*blocks, ""]))
    with pytest.raises(InputError, match="different numbers of atoms"):
        read_structures(tmp_path / "a.sdf")


def test_an_extended_xyz(tmp_path):
    (tmp_path / "a.xyz").write_text('2\nLattice="1 0 0" Properties=species:S:1:pos:R:3\nCl 0 0 0 0.1\n 17  1 2 3\n\n')
    positions, comments, elements = read_xyz(tmp_path / "a.xyz")
    assert elements == [(17,), (17,)] and positions.tolist() == [[[0, 0, 0], [1, 2, 3]]] and "Lattice" in comments[0]
