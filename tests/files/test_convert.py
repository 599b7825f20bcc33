"""Files and objects of other programs: written, read back, in their units."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from tests.builders.trajectories import embedded_trajectory

KEEP = {".xtc": 0.006, ".dcd": 1e-4, ".pdb": 6e-4, ".sdf": 6e-5, ".gro": 0.006, ".xyz": 1e-5, ".h5": 1e-5, ".npz": 0.0}
TIMELESS = (".dcd", ".pdb")


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("suffix", KEEP)
def test_files_come_back(tmp_path, suffix, hydrogens):
    made = embedded_trajectory(hydrogens=hydrogens)
    path = tmp_path / f"t{suffix}"
    made.save(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix in TIMELESS:
        with pytest.raises(InputError, match="frame_ps"):
            Trajectory.load(path, made.molecule)
    read = Trajectory.load(path, made.molecule, 1.3 if suffix in TIMELESS else None)
    assert read.frame_ps == pytest.approx(1.3) and read.has_hydrogens == hydrogens
    np.testing.assert_allclose(read.positions, made.positions, atol=KEEP[suffix])


def test_xtc_bytes_do_not_change(tmp_path):
    for name in ("a.xtc", "b.xtc"):
        embedded_trajectory().save(tmp_path / name)
    assert (tmp_path / "a.xtc").read_bytes() == (tmp_path / "b.xtc").read_bytes()


@pytest.mark.parametrize("hydrogens", [True, False])
def test_mdtraj_has_nm_ps_elements_and_bonds(hydrogens):
    made = embedded_trajectory(hydrogens=hydrogens)
    frames = made.to_mdtraj()
    np.testing.assert_allclose(frames.xyz, made.positions / 10, atol=1e-6)
    np.testing.assert_allclose(frames.time, 1.3 * np.arange(12), atol=1e-5)
    assert frames.n_atoms == made.positions.shape[1] == len({atom.name for atom in frames.topology.atoms})
    assert [a.element.atomic_number for a in frames.topology.atoms] == made.molecule.atomic_numbers[
        : frames.n_atoms
    ].tolist()
    bonds = made.molecule.bonds if hydrogens else made.molecule.heavy_bonds
    assert sorted(sorted((b[0].index, b[1].index)) for b in frames.topology.bonds) == bonds.tolist()


def test_mdanalysis_and_ase_have_angstrom_and_ps():
    pytest.importorskip("MDAnalysis")
    pytest.importorskip("ase")
    made = embedded_trajectory()
    universe = made.to_mdanalysis()
    times, frames = zip(*((step.time, step.positions.copy()) for step in universe.trajectory), strict=True)
    np.testing.assert_allclose(times, made.times_ps, atol=1e-6)
    np.testing.assert_array_equal(frames, made.positions)
    assert len(universe.bonds) == len(made.molecule.bonds) and set(universe.atoms.elements) == {"C", "H", "N", "O"}
    atoms = made.to_ase()
    assert atoms[3].info["time_ps"] == pytest.approx(3.9) and len(atoms) == 12
    np.testing.assert_array_equal(atoms[3].numbers, made.molecule.atomic_numbers)
    np.testing.assert_allclose(atoms[3].positions, made.positions[3])


def test_pdb_has_each_bond_once_each_way(tmp_path):
    made = embedded_trajectory()
    made.save(tmp_path / "t.pdb")
    lines = (tmp_path / "t.pdb").read_text().splitlines()
    pairs = [(int(f[1]), int(o)) for f in map(str.split, lines) if f[0] == "CONECT" for o in f[2:]]
    assert len(pairs) == len(set(pairs)) == 2 * len(made.molecule.bonds)
    assert Chem.MolFromPDBFile(str(tmp_path / "t.pdb"), removeHs=False).GetNumConformers() == 12
