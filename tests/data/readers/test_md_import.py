"""Trajectories of any program: solvent, formats, topologies, replicas, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import mdtraj
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.build import build
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers, write_sdf
from eginterpolator.files.trajectory import Trajectory
from tests.builders.foreign import ALKENE, cut, frames_of, mol, read, same_structure, write_system
from tests.builders.networks import CHIRAL, geometry, molecule


def wrapped(frame: mdtraj.Trajectory, frames: np.ndarray, box: float = 30.0) -> mdtraj.Trajectory:
    """The system's frames with the solute moving across a wall of the box, every atom inside of it."""
    n = frames.shape[1]
    xyz = np.repeat(frame.xyz, len(frames), axis=0)
    xyz[:, :n] = (frames + np.linspace(0, box, len(frames))[:, None, None]) / 10.0
    return mdtraj.Trajectory(
        xyz % (box / 10.0), frame.topology, time=np.arange(len(frames)) * 2.0,
        unitcell_lengths=np.full((len(frames), 3), box / 10.0), unitcell_angles=np.full((len(frames), 3), 90.0),
    )  # fmt: skip


def check_wrapped(record: Record, frames: np.ndarray) -> None:
    box, count = 30.0, len(frames)
    assert record.trajectories.shape == (1, *frames.shape) and record.molecule.smiles == molecule(CHIRAL).smiles
    for k, (got, wanted) in enumerate(zip(record.trajectories[0], frames, strict=True)):
        shift = (got - got.mean(axis=0)) + wanted.mean(axis=0)
        same_structure(shift, with_conformers(mol(CHIRAL), wanted[None]), record, tolerance=0.03)
        offset = (got.mean(axis=0) - wanted.mean(axis=0) - box * k / (count - 1)) / box
        np.testing.assert_allclose(offset, np.round(offset), atol=0.01)


@pytest.mark.parametrize("suffix", ["xtc", "trr", "nc", "dcd", "gro"])
@pytest.mark.parametrize("bonds", ["smiles", "geometry"])
def test_solvated_trajectories(tmp_path, suffix, bonds):
    frame, frames = write_system(tmp_path / "system.pdb", CHIRAL), frames_of(CHIRAL)
    wrapped(frame, frames).save(str(tmp_path / f"a.{suffix}"))
    options = ImportOptions(
        topology=tmp_path / "system.pdb",
        molecule=CHIRAL if bonds == "smiles" else None,
        frame_ps=2.0 if suffix == "dcd" else None,
        name="chiral",
    )
    records, dropped = read(open_source([tmp_path / f"a.{suffix}"], options=options))
    assert records["chiral"].frame_ps == pytest.approx(2.0) and not dropped.molecules
    check_wrapped(records["chiral"], frames)


def test_formats_of_mdanalysis(tmp_path):
    mda = pytest.importorskip("MDAnalysis")
    frames = frames_of(CHIRAL).astype(np.float32)
    write_system(tmp_path / "system.pdb", CHIRAL, waters=0)
    universe = mda.Universe.empty(frames.shape[1], trajectory=True, velocities=True)
    with mda.Writer(str(tmp_path / "a.trz"), n_atoms=frames.shape[1]) as writer:
        for k, frame in enumerate(frames):
            universe.atoms.positions = frame
            universe.trajectory.ts.time, universe.trajectory.ts.frame = 2.0 * k, k
            universe.trajectory.ts.dimensions = [30, 30, 30, 90, 90, 90]
            writer.write(universe.atoms)
    options = ImportOptions(topology=tmp_path / "system.pdb")
    records, _ = read(open_source([tmp_path / "a.trz"], options=options))
    same_structure(
        records["system"].trajectories[0, 3], with_conformers(mol(CHIRAL), frames[3:4]), records["system"], 1e-3
    )
    assert records["system"].frame_ps == pytest.approx(2.0)
    (tmp_path / "a.unknown").write_text("text")
    with pytest.raises(InputError, match="Neither MDTraj nor MDAnalysis knows"):
        read(open_source([tmp_path / "a.unknown"], options=options))


@pytest.mark.parametrize("suffix", ["sdf", "mol2"])
@pytest.mark.parametrize("trajectory", ["h5", "xtc"])
def test_topologies_of_the_solute_alone(tmp_path, suffix, trajectory):
    heavy_first = molecule(ALKENE)
    frames = geometry(ALKENE)[None] + 0.01 * np.random.default_rng(0).standard_normal((5, heavy_first.n_atoms, 3))
    Trajectory(heavy_first, frames, 2.0).save(tmp_path / f"a.{trajectory}")
    path = tmp_path / f"top.{suffix}"
    if suffix == "sdf":
        write_sdf(path, heavy_first, geometry(ALKENE)[None])
    else:
        write_mol2(path, mol(ALKENE, shuffle=False))
    records, _ = read(open_source([tmp_path / f"a.{trajectory}"], options=ImportOptions(topology=path)))
    assert records["top"].molecule.smiles == heavy_first.smiles
    np.testing.assert_allclose(records["top"].trajectories[0], frames, atol=0.01)


def write_mol2(path: Path, source: Chem.Mol) -> None:
    kinds = {"SP": "C.1", "SP2": "C.2", "SP3": "C.3"}
    lines = ["@<TRIPOS>MOLECULE", "top", f"{source.GetNumAtoms()} {source.GetNumBonds()} 1", "SMALL", "NO_CHARGES", ""]
    lines.append("@<TRIPOS>ATOM")
    for atom, (x, y, z) in zip(source.GetAtoms(), source.GetConformer().GetPositions(), strict=True):
        symbol = atom.GetSymbol()
        kind = kinds[str(atom.GetHybridization())] if symbol == "C" else {"N": "N.1", "H": "H"}[symbol]
        lines.append(f"{atom.GetIdx() + 1} {symbol}{atom.GetIdx()} {x:.4f} {y:.4f} {z:.4f} {kind} 1 LIG 0.0")
    lines.append("@<TRIPOS>BOND")
    for k, bond in enumerate(source.GetBonds(), 1):
        lines.append(f"{k} {bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1} {int(bond.GetBondTypeAsDouble())}")
    path.write_text("\n".join([*lines, ""]))


def test_frames_of_the_solute_with_a_pdb_of_the_whole_system(tmp_path):
    write_system(tmp_path / "system.pdb", CHIRAL)
    frames = frames_of(CHIRAL)
    mdtraj.Trajectory(frames / 10.0, None, time=np.arange(12) * 2.0).save_xtc(str(tmp_path / "a.xtc"))
    records, _ = read(open_source([tmp_path / "a.xtc"], options=ImportOptions(topology=tmp_path / "system.pdb")))
    same_structure(
        records["system"].trajectories[0, 5], with_conformers(mol(CHIRAL), frames[5:6]), records["system"], 0.01
    )


@pytest.fixture
def files(tmp_path) -> Path:
    """Good files for ethanol: a.xtc, system.pdb and solute.sdf, which the tests then spoil."""
    write_system(tmp_path / "system.pdb", "CCO", waters=0)
    mdtraj.Trajectory(frames_of("CCO") / 10.0, None, time=np.arange(12) * 2.0).save_xtc(str(tmp_path / "a.xtc"))
    (tmp_path / "solute.sdf").write_text(Chem.MolToMolBlock(mol("CCO")) + "$$$$\n")
    return tmp_path


def spoil_xtc(files: Path) -> None:
    (files / "a.xtc").write_bytes(cut((files / "a.xtc").read_bytes(), 7))


def spoil_sdf(files: Path) -> None:
    bare = Chem.RWMol(mol("CCO"))
    for bond in list(bare.GetBonds()):
        bare.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    (files / "solute.sdf").write_text(Chem.MolToMolBlock(bare) + "$$$$\n")


def spoil_times(files: Path) -> None:
    mdtraj.Trajectory(frames_of("CCO") / 10.0, None, time=np.zeros(12)).save_xtc(str(files / "a.xtc"))


def spoil_count(files: Path) -> None:
    write_system(files / "system.pdb", "CCN", waters=0)


def nothing(files: Path) -> None:
    return None


@pytest.mark.parametrize(
    "spoil, options, message",
    [
        (spoil_xtc, {"topology": "system.pdb"}, r"a\.xtc' is damaged or cut off"),
        (spoil_count, {"topology": "system.pdb"}, r"a\.xtc' has 9 atoms a frame, and its topology 10"),
        (spoil_sdf, {"topology": "solute.sdf"}, r"solute\.sdf' has atoms but no bonds"),
        (spoil_times, {"topology": "system.pdb"}, r"a\.xtc' does not tell the time .* --frame-ps"),
        (nothing, {"topology": "system.pdb", "molecule": "COC"}, "not 'COC'"),
        (nothing, {"topology": "system.pdb", "molecule": "C(C"}, "not a valid SMILES"),
        (nothing, {"topology": "system.pdb", "residue": "XYZ"}, r"no residue 'XYZ' \(residues LIG\)"),
        (nothing, {"topology": "system.pdb", "charge": 1}, "charge of 1"),
        (nothing, {"topology": "none.pdb"}, "no topology"),
        (nothing, {"topology": "a.xtc"}, "no topology that can be read"),
        (nothing, {}, "needs a topology"),
        (nothing, {"topology": "system.pdb", "stride": 0}, "stride of 0"),
        (nothing, {"topology": "system.pdb", "frame_ps": -1.0}, "-1.0 ps is impossible"),
    ],
)
def test_bad_input_is_one_sentence(egi, files, spoil, options, message):
    spoil(files)
    words = []
    for key, value in options.items():
        words += [f"--{key.replace('_', '-')}", files / value if key == "topology" else value]
    result = egi("data", "import", files / "a.xtc", "--out", files / "out.h5", *words)
    assert result.code == 2, result
    if "stride" not in options:  # that one is typer's
        assert result.err.startswith("egi: ") and result.err.count("\n") == 1 and result.err.endswith(".\n"), result.err
        with pytest.raises(InputError, match=message):
            raise InputError(result.err)
    assert not list(files.glob("*.h5*")) and not list(files.glob(".*h5*"))


def test_replicas_that_break_or_change_stereo_are_left_out(tmp_path):
    write_system(tmp_path / "system.pdb", CHIRAL, waters=0)
    good, exploded = frames_of(CHIRAL), frames_of(CHIRAL)
    exploded[7, 2] += 4.0
    other = good * [-1.0, 1.0, 1.0]
    for name, frames in {"a": good, "b": exploded, "c": other, "d": good[:5]}.items():
        times = np.arange(len(frames)) * 2.0
        mdtraj.Trajectory(frames / 10.0, None, time=times).save_xtc(str(tmp_path / f"{name}.xtc"))
    paths = [tmp_path / f"{name}.xtc" for name in "abcd"]
    records, dropped = read(open_source(paths, options=ImportOptions(topology=tmp_path / "system.pdb", stride=5)))
    assert records["system"].trajectories.shape[:2] == (1, 3) and records["system"].frame_ps == pytest.approx(10.0)
    assert dropped.names == {
        "a replica has broken bonds": ["system, b.xtc"],  # in a frame that the stride leaves out
        "a replica starts as another stereoisomer": ["system, c.xtc"],
        "a replica of another length or spacing": ["system, d.xtc"],
    }


def test_a_table_of_trajectories(tmp_path):
    lines = ["name,trajectory,topology,molecule,frame_ps"]
    for smiles, name in ((CHIRAL, "one"), ("CCO", "two"), ("CCN", "three")):
        write_system(tmp_path / f"{name}.pdb", smiles, waters=0)
        for k in range(2):
            mdtraj.Trajectory(frames_of(smiles, seed=k) / 10.0, None).save_dcd(str(tmp_path / f"{name}{k}.dcd"))
            lines.append(f"{name},{name}{k}.dcd,{name}.pdb,{smiles},2.0")
    (tmp_path / "table.csv").write_text("\n".join([*lines, ""]))
    (tmp_path / "two1.dcd").write_bytes((tmp_path / "two1.dcd").read_bytes()[:200])
    manifest = build(open_source([tmp_path / "table.csv"]), tmp_path / "md.h5", with_held_out=True)
    assert manifest["molecules"] == 2 and manifest["frames"] == 2 * 2 * 12
    assert manifest["failures"].keys() == {"two"} and "two1.dcd" in manifest["failures"]["two"]
    (tmp_path / "table.csv").write_text("name,trajectory,topology,frame_ps\na,b.xtc,c.pdb,soon\n")
    with pytest.raises(InputError, match="Line 2 .* no number"):
        open_source([tmp_path / "table.csv"])
    (tmp_path / "table.csv").write_text("name,trajectory\na,b.xtc\n")
    with pytest.raises(InputError, match="no column 'topology'"):
        open_source([tmp_path / "table.csv"])
