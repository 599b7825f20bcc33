"""--start and --end of other programs: orders of atoms, formats, topologies, boxes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import mdtraj
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import read_endpoint
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.matching import misfit
from eginterpolator.files.trajectory import Trajectory
from tests.builders.foreign import frames_of, mol, write_system
from tests.builders.networks import CHIRAL, molecule

HALIDE = "C[C@H](Cl)CBr"


def fits(frame: np.ndarray, wanted: Molecule, source: np.ndarray, tolerance: float = 2e-3) -> None:
    """The frame is a structure of `wanted` made of the atoms of `source`, each once."""
    assert not misfit(wanted, frame) and frame_stereo(wanted, frame[None])[0]
    nearest = np.linalg.norm(frame[:, None] - source[None], axis=-1)
    assert len(set(nearest.argmin(axis=1))) == len(frame) and nearest.min(axis=1).max() < tolerance


def pdb_lines(source: Chem.Mol, elements: bool = True, names: str = "labels", conect: bool = True) -> str:
    """As Open Babel ('symbols') and others write it, hydrogens in between; without columns 77 and 78 on demand."""
    lines = []
    for atom, (x, y, z) in zip(source.GetAtoms(), source.GetConformer().GetPositions(), strict=True):
        symbol = atom.GetSymbol()
        name = symbol.upper() if names == "symbols" else f"{symbol}{atom.GetIdx()}"
        name = f" {name:<3}" if names != "left" else f"{name:<4}"
        end = f"          {symbol.upper():>2}" if elements else ""
        lines.append(f"HETATM{atom.GetIdx() + 1:5d} {name:4} UNL     1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00{end}")
    if conect:
        for bond in source.GetBonds():
            lines.append(f"CONECT{bond.GetBeginAtomIdx() + 1:5d}{bond.GetEndAtomIdx() + 1:5d}")
    return "\n".join([*lines, "END", ""])


@pytest.mark.parametrize("smiles", [CHIRAL, HALIDE, "C/C=C\\C#N"])
@pytest.mark.parametrize("conect", [True, False])
@pytest.mark.parametrize("names", ["labels", "symbols", "left"])
@pytest.mark.parametrize("elements", [True, False])
def test_pdb_files_of_other_programs(tmp_path, smiles, elements, names, conect):
    source = mol(smiles)
    (tmp_path / "a.pdb").write_text(pdb_lines(source, elements, names, conect))
    frame = read_endpoint(tmp_path / "a.pdb", molecule(smiles)).positions
    fits(frame, molecule(smiles), source.GetConformer().GetPositions())
    with pytest.raises(InputError, match="another stereoisomer|not those of|not bonded|no structure"):
        read_endpoint(tmp_path / "a.pdb", Molecule.from_smiles(smiles.replace("@H", "@@H").replace("\\", "/")))


@pytest.mark.parametrize("labels", ["symbols", "numbers", "labels"])
@pytest.mark.parametrize("hydrogens", [True, False])
def test_xyz_files_of_other_programs(tmp_path, labels, hydrogens):
    source = mol(HALIDE) if hydrogens else Chem.RemoveHs(mol(HALIDE))
    positions = source.GetConformer().GetPositions()
    for title in ("", "energy: -5.7 gnorm: 0.1 xtb: 6.7"):
        rows = []
        for atom, (x, y, z) in zip(source.GetAtoms(), positions, strict=True):
            label = {"symbols": atom.GetSymbol(), "numbers": str(atom.GetAtomicNum()),
                     "labels": f"{atom.GetSymbol()}{atom.GetIdx()}"}[labels]  # fmt: skip
            rows.append(f" {label}  {x:.5f} {y:.5f}   {z:.5f}")
        (tmp_path / "a.xyz").write_text("\r\n".join([str(len(rows)), title, *rows, "", ""]))
        fits(read_endpoint(tmp_path / "a.xyz", molecule(HALIDE)).positions, molecule(HALIDE), positions)


@pytest.mark.parametrize(
    ("suffix", "whole_system"),
    [
        *((suffix, whole) for suffix in ("xtc", "trr", "dcd", "nc") for whole in (True, False)),
        ("h5", False),
        ("pdb", False),
    ],
)
def test_trajectories_with_a_topology(tmp_path, suffix, whole_system):
    """Of a solvated system, whose solute crosses the box, or of the solute alone."""
    system, frames = write_system(tmp_path / "system.pdb", CHIRAL), frames_of(CHIRAL)
    count, box = frames.shape[1], 30.0
    if suffix in ("h5", "pdb"):
        made = mdtraj.Trajectory(frames / 10.0, system.topology.subset(range(count)))
    elif whole_system:
        xyz = np.repeat(system.xyz, len(frames), axis=0)
        xyz[:, :count] = (frames + np.linspace(0, box, len(frames))[:, None, None]) / 10.0
        made = mdtraj.Trajectory(xyz % (box / 10.0), system.topology)
        made.unitcell_vectors = np.repeat(np.eye(3)[None] * box / 10.0, len(frames), axis=0)
    else:
        made = mdtraj.Trajectory(frames / 10.0, system.topology.subset(range(count)))
    if suffix == "h5":
        Trajectory(molecule(CHIRAL), order_of(frames), 2.0).save(tmp_path / "a.h5")
    else:
        made.save(str(tmp_path / f"a.{suffix}"))
    topology = None if suffix in ("h5", "pdb") else tmp_path / "system.pdb"
    for index, k in (("", 0), ("#7", 7), ("#-1", 11)):
        frame = read_endpoint(f"{tmp_path / f'a.{suffix}'}{index}", molecule(CHIRAL), topology).positions
        centred = frame - frame.mean(axis=0)
        fits(centred, molecule(CHIRAL), frames[k] - frames[k].mean(axis=0), 0.03)
    if topology is not None:
        (tmp_path / "system.pdb").rename(tmp_path / "topology.pdb")  # the one beside it is found
        assert not misfit(molecule(CHIRAL), read_endpoint(tmp_path / f"a.{suffix}", molecule(CHIRAL)).positions)


def order_of(frames: np.ndarray) -> np.ndarray:
    """Frames in the order of `mol(CHIRAL)` in that of the molecule."""
    random = np.random.default_rng(3).permutation(frames.shape[1])
    back = np.empty_like(random)
    back[random] = np.arange(len(random))
    return frames[:, back]


@pytest.mark.parametrize("topology", ["sdf", "mol2"])
def test_sdf_and_mol2_as_topologies(tmp_path, topology):
    source, frames = mol(CHIRAL), frames_of(CHIRAL)
    path = tmp_path / f"top.{topology}"
    if topology == "sdf":
        path.write_text(Chem.MolToMolBlock(source) + "$$$$\n")
    else:
        path.write_text(mol2(source))
    mdtraj.Trajectory(frames / 10.0, None).save_xtc(str(tmp_path / "a.xtc"))
    frame = read_endpoint(f"{tmp_path / 'a.xtc'}#3", molecule(CHIRAL), path).positions
    fits(frame, molecule(CHIRAL), frames[3], 0.02)


def mol2(source: Chem.Mol) -> str:
    rows = ["@<TRIPOS>MOLECULE", "x", f"{source.GetNumAtoms()} {source.GetNumBonds()}", "SMALL", "NO_CHARGES", ""]
    rows += ["@<TRIPOS>ATOM"]
    for atom, (x, y, z) in zip(source.GetAtoms(), source.GetConformer().GetPositions(), strict=True):
        kind = {"C": "C.3", "O": "O.3"}.get(atom.GetSymbol(), atom.GetSymbol())
        rows.append(f"{atom.GetIdx() + 1} {atom.GetSymbol()}{atom.GetIdx()} {x:.4f} {y:.4f} {z:.4f} {kind} 1 LIG 0.0")
    rows.append("@<TRIPOS>BOND")
    for k, bond in enumerate(source.GetBonds(), 1):
        rows.append(f"{k} {bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1} {int(bond.GetBondTypeAsDouble())}")
    return "\n".join([*rows, ""])


def test_frames_in_the_order_of_the_input_need_no_topology(tmp_path):
    source, frames = mol(CHIRAL), frames_of(CHIRAL)
    (tmp_path / "in.sdf").write_text(Chem.MolToMolBlock(source) + "$$$$\n")
    (given,), _ = read_inputs(str(tmp_path / "in.sdf"))
    mdtraj.Trajectory(frames / 10.0, None).save_dcd(str(tmp_path / "a.dcd"))
    fits(read_endpoint(f"{tmp_path / 'a.dcd'}#2", given).positions, given, frames[2])
    with pytest.raises(InputError, match=r"says nothing of its atoms, .* --topology\.$"):
        read_endpoint(tmp_path / "a.dcd", molecule(CHIRAL))


def test_a_frame_with_a_broken_bond_is_refused(tmp_path):
    """A 3.67 Å bond was accepted, since the order of elements was right."""
    wanted = molecule("CCO")
    frame = mol("CCO", shuffle=False).GetConformer().GetPositions()
    arrow = frame[2] - frame[1]
    far = frame.copy()
    far[[2, 8]] += arrow / np.linalg.norm(arrow) * (3.67 - np.linalg.norm(arrow))
    broken = Trajectory(wanted, np.float32([far, frame]), 1.0)
    for name in ("a.pdb", "a.xyz", "a.sdf", "a.h5", "a.npz"):
        broken.save(tmp_path / name)
        with pytest.raises(InputError, match=r"a C-O bond is 3\.67 Å long") as error:
            read_endpoint(tmp_path / name, wanted)
        assert str(error.value).endswith(".") and str(error.value).count("\n") == 0
        assert not misfit(wanted, read_endpoint(f"{tmp_path / name}#1", wanted).positions)
    broken.save(tmp_path / "a.xtc")
    Trajectory(wanted, np.float32(frame[None]), 1.0).save(tmp_path / "topology.pdb")
    with pytest.raises(InputError, match=r"Frame 0 of .*a\.xtc' is no structure of CCO: a C-O bond is 3\.67"):
        read_endpoint(tmp_path / "a.xtc", wanted)
    assert not misfit(wanted, read_endpoint(f"{tmp_path / 'a.xtc'}#1", wanted).positions)


def test_an_sdf_that_draws_the_bonds_in_another_way(tmp_path):
    """Nitro groups with five bonds to N, single bonds only: the graph is the same."""
    wanted = Molecule.from_smiles("CC[N+](=O)[O-]")
    source = mol("CC[N+](=O)[O-]")
    plain = Chem.RWMol(source)
    for bond in plain.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
    for atom in plain.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
    (tmp_path / "a.sdf").write_text(Chem.MolToMolBlock(plain, kekulize=False) + "$$$$\n")
    frame = read_endpoint(tmp_path / "a.sdf", wanted).positions
    fits(frame, wanted, source.GetConformer().GetPositions())


def test_a_path_with_other_letters(tmp_path):
    folder = tmp_path / "Ä水"
    folder.mkdir()
    frame = np.float32(mol(CHIRAL, shuffle=False).GetConformer().GetPositions()[None])
    made = Trajectory(molecule(CHIRAL), frame, 1.0)
    made.save(folder / "topology.pdb")
    for suffix in ("xtc", "dcd", "pdb", "sdf", "xyz", "h5", "npz"):
        path = Path(folder / f"ß.{suffix}")
        made.save(path)
        found = read_endpoint(path, molecule(CHIRAL)).positions
        np.testing.assert_allclose(found, frame[0], atol=0.006)
        back = Trajectory.load(path, molecule(CHIRAL), 1.0)
        np.testing.assert_allclose(back.positions, frame, atol=0.006)
