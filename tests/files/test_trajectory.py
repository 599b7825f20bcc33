"""Trajectories: shapes, converters, files and back."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import sdf_molecule, write_sdf
from eginterpolator.files.trajectory import ConformerEnsemble, NotebookView, Trajectory

KEEP = {".xtc": 0.006, ".dcd": 1e-4, ".pdb": 6e-4, ".sdf": 6e-5, ".xyz": 1e-5, ".h5": 1e-5, ".npz": 0.0}
TIMELESS = (".dcd", ".pdb")


def make(smiles: str = "C[C@H](O)/C=C/C#N", n: int = 12, hydrogens: bool = True) -> Trajectory:
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=1)
    positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    return Trajectory(molecule, positions if hydrogens else positions[:, : molecule.n_heavy], 1.3)


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("suffix", KEEP)
def test_files_come_back(tmp_path, suffix, hydrogens):
    made = make(hydrogens=hydrogens)
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
        make().save(tmp_path / name)
    assert (tmp_path / "a.xtc").read_bytes() == (tmp_path / "b.xtc").read_bytes()


@pytest.mark.parametrize("hydrogens", [True, False])
def test_mdtraj_has_nm_ps_elements_and_bonds(hydrogens):
    made = make(hydrogens=hydrogens)
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
    made = make()
    universe = made.to_mdanalysis()
    times, frames = zip(*((step.time, step.positions.copy()) for step in universe.trajectory), strict=True)
    np.testing.assert_allclose(times, made.times_ps, atol=1e-6)
    np.testing.assert_array_equal(frames, made.positions)
    assert len(universe.bonds) == len(made.molecule.bonds) and set(universe.atoms.elements) == {"C", "H", "N", "O"}
    atoms = made.to_ase()
    assert atoms[3].info["time_ps"] == pytest.approx(3.9) and len(atoms) == 12
    np.testing.assert_array_equal(atoms[3].numbers, made.molecule.atomic_numbers)
    np.testing.assert_allclose(atoms[3].positions, made.positions[3])


@pytest.mark.parametrize("hydrogens", [True, False])
def test_rdkit_has_one_conformer_a_frame_and_the_isomer(hydrogens):
    made = make(hydrogens=hydrogens)
    mol = made.to_rdkit()
    assert mol.GetNumConformers() == 12
    np.testing.assert_allclose(mol.GetConformer(5).GetPositions(), made.positions[5])
    Chem.AssignStereochemistryFrom3D(mol, 5)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == made.molecule.smiles


def test_pdb_has_each_bond_once_each_way(tmp_path):
    made = make()
    made.save(tmp_path / "t.pdb")
    lines = (tmp_path / "t.pdb").read_text().splitlines()
    pairs = [(int(f[1]), int(o)) for f in map(str.split, lines) if f[0] == "CONECT" for o in f[2:]]
    assert len(pairs) == len(set(pairs)) == 2 * len(made.molecule.bonds)
    assert Chem.MolFromPDBFile(str(tmp_path / "t.pdb"), removeHs=False).GetNumConformers() == 12


def test_the_smiles_of_an_sdf_outweighs_a_mirrored_first_frame(tmp_path):
    made = make()
    write_sdf(tmp_path / "m.sdf", made.molecule, -made.positions[:1])
    assert Molecule.from_sdf(tmp_path / "m.sdf").smiles != made.molecule.smiles
    molecule, order = sdf_molecule(tmp_path / "m.sdf")
    assert molecule.smiles == made.molecule.smiles
    np.testing.assert_array_equal(order, np.arange(molecule.n_atoms))
    np.testing.assert_array_equal(molecule.bonds, made.molecule.bonds)


def test_wrong_input_is_named(tmp_path):
    made = make()
    for bad in (made.positions[:, :-1], made.positions[0], made.positions[:0]):
        with pytest.raises(InputError, match="do not fit"):
            Trajectory(made.molecule, bad, 1.0)
    with pytest.raises(InputError, match="spacing"):
        Trajectory(made.molecule, made.positions, 0.0)
    with pytest.raises(InputError, match="suffix"):
        made.save(tmp_path / "t.gro")
    broken = Trajectory(made.molecule, made.positions * np.nan, 1.0)
    with pytest.raises(InputError, match="not finite"):
        broken.save(tmp_path / "t.xtc")
    apart = Trajectory(made.molecule, made.positions + np.float32(3e7), 1.0)
    with pytest.raises(InputError, match="out of XTC's range"):
        apart.save(tmp_path / "t.xtc")
    assert not list(tmp_path.iterdir())
    made.save(tmp_path / "t.xyz")
    with pytest.raises(InputError, match="elements|atoms"):
        Trajectory.load(tmp_path / "t.xyz", Molecule.from_smiles("CCO"))
    with pytest.raises(InputError, match="every 1.3 ps"):
        Trajectory.load(tmp_path / "t.xyz", made.molecule, 5.2)
    with pytest.raises(InputError, match="missing"):
        Trajectory.load(tmp_path / "none.xtc", made.molecule)
    (tmp_path / "x.npz").write_bytes(b"no zip file")
    with pytest.raises(InputError, match="damaged"):
        Trajectory.load(tmp_path / "x.npz", made.molecule)


def test_ensembles_check_their_energies_and_views_escape_their_page():
    made = make()
    assert len(ConformerEnsemble(made.molecule, made.positions, np.zeros(12))) == 12
    with pytest.raises(InputError, match="energies"):
        ConformerEnsemble(made.molecule, made.positions, np.zeros(3))
    shown = NotebookView('<p class="a">&</p>')._repr_html_()
    assert len(repr(NotebookView("x" * 9999))) < 100, "a notebook stores the repr as well"
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;&amp;&lt;/p&gt;"' in shown
