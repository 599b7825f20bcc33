"""Molecule folders: round trip, the layout of stored simulations, damage."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule, molecules_from_sdf
from eginterpolator.errors import InputError
from eginterpolator.files.folder import (
    read_conformer_folder,
    read_molecule_folder,
    write_conformer_folder,
    write_molecule_folder,
)
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory


def make(hydrogens: bool = True, n: int = 10) -> Trajectory:
    molecule = Molecule.from_smiles("C[C@H](O)/C=C/C#N", "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=1)
    positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    return Trajectory(molecule, positions if hydrogens else positions[:, : molecule.n_heavy], 5.2)


def written(tmp_path, hydrogens: bool = True):
    made = make(hydrogens)
    meta = {"smiles": made.molecule.smiles, "frame_ps": 5.2, "seed": 1}
    write_molecule_folder(tmp_path / "demo", made.molecule, [made, made], meta)
    return made, tmp_path / "demo"


@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_folder_comes_back(tmp_path, hydrogens):
    made, folder = written(tmp_path, hydrogens)
    names = ["meta.json", "molecule.sdf", "topology.pdb", "trajectory_000.xtc", "trajectory_001.xtc"]
    assert sorted(p.name for p in folder.iterdir()) == names and [p.name for p in tmp_path.iterdir()] == ["demo"]
    molecule, trajectories, meta = read_molecule_folder(folder)
    assert molecule.smiles == made.molecule.smiles and molecule.name == "demo" and meta["seed"] == 1
    assert len(trajectories) == 2 and trajectories[0].has_hydrogens == hydrogens
    for trajectory in trajectories:
        assert trajectory.frame_ps == pytest.approx(5.2)
        np.testing.assert_allclose(trajectory.positions, made.positions, atol=0.006)
    assert Chem.SDMolSupplier(str(folder / "molecule.sdf"))[0].GetProp("smiles") == made.molecule.smiles


def test_writing_again_replaces_and_a_failure_leaves_the_old_one(tmp_path):
    made, folder = written(tmp_path)
    (folder / "old.txt").write_text("")
    before = (folder / "trajectory_000.xtc").read_bytes()
    with pytest.raises(TypeError):
        write_molecule_folder(folder, made.molecule, [made], {"bad": object()})
    assert (folder / "old.txt").exists() and [p.name for p in tmp_path.iterdir()] == ["demo"]
    write_molecule_folder(folder, made.molecule, [made], {"frame_ps": 5.2})
    assert not (folder / "old.txt").exists() and (folder / "trajectory_000.xtc").read_bytes() == before


@pytest.mark.parametrize("mirrored", ["first frame", "all frames"])
def test_the_isomer_survives_frames_of_another_one(tmp_path, mirrored):
    made = make()
    positions = made.positions.copy()
    positions[: 1 if mirrored == "first frame" else None] *= -1
    drifted = Trajectory(made.molecule, positions, 5.2)
    write_molecule_folder(tmp_path / "demo", made.molecule, [drifted], {"frame_ps": 5.2})
    assert read_molecule_folder(tmp_path / "demo")[0].smiles == made.molecule.smiles


def test_stored_simulations_with_hydrogens_in_between_are_put_in_order(tmp_path):
    from mdtraj.formats import XTCTrajectoryFile

    made = make()
    n = made.molecule.n_atoms
    shuffled = np.random.default_rng(0).permutation(n)
    mol = Chem.RenumberAtoms(made.to_rdkit(), shuffled.tolist())
    with Chem.SDWriter(str(tmp_path / "molecule.sdf")) as writer:
        writer.write(mol, confId=0)
    frames = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    for k in range(2):
        with XTCTrajectoryFile(str(tmp_path / f"rep{k}.xtc"), "w") as stream:
            stream.write(frames / 10, time=1.3 * np.arange(1, 11, dtype=np.float32))
    (tmp_path / "meta.json").write_text(json.dumps({"smiles": made.molecule.smiles, "frame_ps": 1.3}))
    molecule, trajectories, _ = read_molecule_folder(tmp_path)
    assert len(trajectories) == 2 and trajectories[0].frame_ps == pytest.approx(1.3)
    assert molecule.smiles == made.molecule.smiles
    for k, conformer in ((0, 0), (7, 7)):
        rebuilt = Trajectory(molecule, trajectories[0].positions, 1.3).to_rdkit()
        Chem.AssignStereochemistryFrom3D(rebuilt, k)
        assert Chem.MolToSmiles(Chem.RemoveHs(rebuilt)) == molecule.smiles
        bonds = molecule.bonds
        lengths = np.linalg.norm(np.diff(trajectories[0].positions[conformer][bonds], axis=1), axis=-1)
        assert lengths.max() < 1.7


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "molecule.sdf").unlink(), "molecule.sdf"),
        (lambda f: (f / "meta.json").unlink(), "meta.json"),
        (lambda f: (f / "meta.json").write_text("{"), "meta.json"),
        (lambda f: (f / "meta.json").write_text('{"frame_ps": 1.3}'), "trajectory_000.xtc.*5.2"),
        (lambda f: [p.unlink() for p in f.glob("*.xtc")], "trajectory"),
        (lambda f: (f / "trajectory_001.xtc").write_bytes(b""), "trajectory_001.xtc"),
        (lambda f: (f / "trajectory_001.xtc").write_bytes((f / "trajectory_000.xtc").read_bytes()[:-50]), "_001.xtc"),
        (
            lambda f: Trajectory(make(False).molecule, make(False).positions, 5.2).save(f / "trajectory_001.xtc"),
            "atoms",
        ),
    ],
)
def test_damage_is_named(tmp_path, spoil, message):
    _, folder = written(tmp_path)
    spoil(folder)
    with pytest.raises(InputError, match=message):
        read_molecule_folder(folder)


def test_conformers_are_entries_of_one_molecule(tmp_path):
    made = make()
    write_conformer_folder(tmp_path / "c", ConformerEnsemble(made.molecule, made.positions, np.arange(10.0)), {"a": 1})
    (molecule,) = molecules_from_sdf(tmp_path / "c" / "conformers.sdf")
    assert molecule.smiles == made.molecule.smiles and molecule.rdmol.GetNumConformers() == 10
    meta = json.loads((tmp_path / "c" / "meta.json").read_text())
    assert meta == {"a": 1, "atom_map": [*range(7), *[None] * 7]}


@pytest.mark.parametrize("hydrogens", [True, False])
def test_conformers_come_back(tmp_path, hydrogens):
    made = make(hydrogens)
    energies = np.arange(10.0) if hydrogens else None
    write_conformer_folder(tmp_path / "c", ConformerEnsemble(made.molecule, made.positions, energies), {"a": 1})
    ensemble, meta = read_conformer_folder(tmp_path / "c")
    assert meta["a"] == 1 and ensemble.molecule.smiles == made.molecule.smiles and ensemble.molecule.name == "c"
    np.testing.assert_allclose(ensemble.positions, made.positions, atol=1e-4)
    assert ensemble.energies_kcal is None if energies is None else (ensemble.energies_kcal == energies).all()
    (tmp_path / "c" / "conformers.sdf").unlink()
    with pytest.raises(InputError, match="no conformers.sdf"):
        read_conformer_folder(tmp_path / "c")
