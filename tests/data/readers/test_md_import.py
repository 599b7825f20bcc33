"""Readers on files in their true layout, written here: GEOM, ConfGF pickles, published simulations, trajectories."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import mdtraj
import numpy as np
import pytest
import torch
from rdkit import Chem

from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.build import build
from eginterpolator.data.filters import Dropped, graph_holds
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.readers.topology import read_topology
from eginterpolator.data.store import Record, Store
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers, write_sdf
from eginterpolator.files.trajectory import Trajectory
from tests.builders.graph_pickles import pickled
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule

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


# GEOM


def conformer(smiles: str, energy: float = -10.0, weight: float = 0.5, **change) -> dict:
    facts = {"geom_id": 1, "set": 1, "degeneracy": 1, "totalenergy": energy, "relativeenergy": 0.0}
    return {**facts, "boltzmannweight": weight, "conformerweights": [weight], "rd_mol": mol(smiles), **change}


@pytest.fixture
def geom(tmp_path) -> Path:
    """summary_qm9.json with eight molecules, of which two are good."""
    root = tmp_path / "rdkit_folder"
    (root / "qm9").mkdir(parents=True)
    flat = Chem.MolFromSmiles("CCO")
    torn = mol("CCN")
    torn.GetConformer().SetAtomPosition(0, [9.0, 9.0, 9.0])
    molecules: dict[str, list[dict]] = {
        CHIRAL: [
            conformer(CHIRAL, -10.0, 0.5),
            conformer(MIRRORED, -9.9, 0.2),
            conformer(CHIRAL, -9.8, 0.3, rd_mol=mol(CHIRAL, 1.0)),
            conformer("CCO"),
        ],
        ALKENE: [conformer(ALKENE, weight=0.1), conformer(ALKENE, weight=0.9)],
        "CCCC": [conformer("CC(C)C")],
        "CCO": [conformer("CCO", rd_mol=flat)],
        "CCN": [conformer("CCN", rd_mol=torn)],
    }
    summary: dict[str, dict] = {}
    for number, (smiles, conformers) in enumerate(molecules.items()):
        path = f"qm9/{number}.pickle"
        content = {"conformers": conformers, "totalconfs": 9, "temperature": 298.15, "charge": 0}
        (root / path).write_bytes(pickle.dumps(content))
        summary[smiles] = {"charge": 0, "uniqueconfs": len(conformers), "pickle_path": path}
    summary["CCF"] = {"charge": 0}
    summary["CCCl"] = {"pickle_path": "qm9/none.pickle"}
    summary["CCBr"] = {"pickle_path": "qm9/evil.pickle"}
    (root / "qm9" / "evil.pickle").write_bytes(b"cposix\nsystem\n(S'touch " + os.fsencode(root / "mark") + b"'\ntR.")
    (root / "summary_qm9.json").write_text(json.dumps(summary))
    return root


def test_geom_as_published(geom):
    records, dropped = read(open_source([geom.parent]))
    assert list(records) == ["qm9_000000", "qm9_000001"]
    chiral = records["qm9_000000"]
    assert chiral.molecule.smiles == molecule(CHIRAL).smiles and chiral.ensemble == "minimum"
    np.testing.assert_allclose(chiral.energies_kcal, np.array([-10.0, -9.8]) * HARTREE)
    np.testing.assert_allclose(chiral.weights, [0.625, 0.375])
    same_structure(chiral.conformers[0], mol(CHIRAL), chiral)
    same_structure(chiral.conformers[1], mol(CHIRAL, 1.0), chiral)
    assert dropped.counts == {
        "its graph is not that of its SMILES": 1,
        "no 3D structure": 1,
        "a structure whose bonds are not those of its graph": 1,
        "no conformers in the summary": 1,
    }
    assert dropped.structures == {
        "a conformer of another stereoisomer": 1,
        "its graph is not that of its SMILES": 1,
    }
    assert dropped.names["a conformer of another stereoisomer"] == ["qm9_000000"]
    assert "no file" in dropped.failures["qm9_000006"] and "posix.system" in dropped.failures["qm9_000007"]
    assert not (geom / "mark").exists()


def test_geom_keeps_the_conformers_of_the_largest_weights(geom):
    records, _ = read(open_source([geom / "summary_qm9.json"], options=ImportOptions(most=1)))
    assert [len(record.conformers) for record in records.values()] == [1, 1]
    assert records["qm9_000000"].energies_kcal == pytest.approx([-10.0 * HARTREE])
    np.testing.assert_allclose(records["qm9_000001"].weights, [1.0])


def test_geom_becomes_a_store_with_its_counts(geom, tmp_path):
    (tmp_path / "test.smi").write_text(f"{MIRRORED} the other isomer\n")
    manifest = build(open_source([geom]), tmp_path / "geom.h5", exclude=[tmp_path / "test.smi"])
    assert manifest["molecules"] == 1 and manifest["dropped"]["excluded, for example as a test molecule"] == 1
    assert sum(manifest["dropped"].values()) + len(manifest["failures"]) + manifest["molecules"] == 8
    assert manifest["inputs"].keys() == {"summary_qm9.json"}
    with Store(tmp_path / "geom.h5") as store:
        got = store["qm9_000001"]
        assert got.molecule.smiles == molecule(ALKENE).smiles and len(got.conformers) == 2
        assert got.source == "GEOM, CREST GFN2-xTB"


def test_geom_with_several_summaries_asks_which(geom):
    (geom / "summary_drugs.json").write_text("{}")
    with pytest.raises(InputError, match=r"several summaries \(drugs, qm9\); choose one with --subset"):
        open_source([geom])
    assert open_source([geom], options=ImportOptions(subset="qm9")).total == 8
    with pytest.raises(InputError, match="No molecule .* is left"):
        build(open_source([geom], options=ImportOptions(subset="drugs")), geom / "out.h5")
    assert not list(geom.glob("*.h5*"))
    (geom / "summary_drugs.json").write_text("[1")
    with pytest.raises(InputError, match="no valid JSON"):
        open_source([geom / "summary_drugs.json"])


# ConfGF and GeoDiff


def graph(smiles: str, shift: float = 0.0, **change) -> dict:
    source = mol(smiles, shift)
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in source.GetBonds()]
    edges = sorted([*ends, *[(j, i) for i, j in ends]])
    fields = {
        "atom_type": torch.tensor([atom.GetAtomicNum() for atom in source.GetAtoms()]),
        "pos": torch.tensor(source.GetConformer().GetPositions(), dtype=torch.float32),
        "edge_index": torch.tensor(edges).T.contiguous(),
        "edge_type": torch.ones(len(edges), dtype=torch.int64),
        "rdmol": source,
        "smiles": Chem.MolToSmiles(Chem.RemoveHs(source)),
        "totalenergy": torch.tensor([-10.0]),
        "boltzmannweight": torch.tensor([0.25]),
    }
    return {key: value for key, value in {**fields, **change}.items() if value is not None}


@pytest.mark.parametrize("layout", [1, 2])
def test_confgf_pickles(tmp_path, layout):
    first, second = tmp_path / "train_data_40k.pkl", tmp_path / "val_data_5k.pkl"
    first.write_bytes(pickled([graph(CHIRAL), graph("CCO"), graph(CHIRAL, 1.0)], layout))
    references = graph(
        "CCN", pos=None, pos_ref=np.concatenate([mol("CCN", k).GetConformer().GetPositions() for k in (0, 5)])
    )
    wrong = graph("CCF", atom_type=torch.zeros(8, dtype=torch.int64))
    lacking = graph("CCCl", edge_index=torch.tensor([[0], [1]]))
    second.write_bytes(pickled([references, wrong, lacking], layout))
    records, dropped = read(open_source([first, second]))
    assert list(records) == ["train_data_40k_000000", "train_data_40k_000001", "val_data_5k_000002"]
    chiral, packed = records["train_data_40k_000000"], records["val_data_5k_000002"]
    assert chiral.molecule.smiles == molecule(CHIRAL).smiles and chiral.weights == pytest.approx([0.5, 0.5])
    assert chiral.energies_kcal == pytest.approx([-10.0 * HARTREE] * 2)
    for k in (0, 1):
        same_structure(chiral.conformers[k], mol(CHIRAL, k), chiral)
        same_structure(packed.conformers[k], mol("CCN", 5.0 * k), packed)
    assert packed.weights is None and packed.energies_kcal is None
    assert dropped.structures == {
        "atom types that are not those of its rdmol": 1,
        "edges that lack a bond of its rdmol": 1,
    }
    assert dropped.counts == {"no conformer": 2}


@pytest.mark.parametrize(
    "content, message",
    [
        (pickle.dumps([1, 2]), "no list of graph objects"),
        (pickle.dumps({"conformers": []}), "no list of graph objects"),
        (pickled([{"pos": torch.zeros(1, 3)}]), "Graph 0 .* has no field 'rdmol'"),
        (b"cos\nsystem\n(S'touch mark'\ntR.", "refused and nothing of it was run"),
        (pickled([{"smiles": "C", "rdmol": None}])[:-40], "damaged or no pickle"),
    ],
)
def test_other_pickles_are_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source([tmp_path / "a.pkl"])
    assert not (tmp_path / "mark").exists()


# the published simulations


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


def write_replica(folder: Path, smiles: str, frames: np.ndarray, frame_ps: float = 0.4, **files: bytes) -> None:
    folder.mkdir(parents=True)
    write_system(folder / "system.pdb", smiles)
    times = np.arange(1, len(frames) + 1) * frame_ps
    solute = mdtraj.Trajectory(frames / 10.0, None, time=times)
    solute.save_xtc(str(folder / "traj.xtc"))
    (folder / "mol.pkl").write_bytes(pickle.dumps(mol(smiles)))
    (folder / "smiles.txt").write_text(molecule(smiles).smiles + "\n")
    rows = [f"{k},{time},{-5.0},{300.0}" for k, time in enumerate(times)]
    (folder / "scalars.csv").write_text("\n".join(['#"Step","Time (ps)","Energy","Temperature (K)"', *rows, ""]))
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)


@pytest.fixture
def published(tmp_path) -> Path:
    root = tmp_path / "md"
    for k in range(3):
        write_replica(root / "train" / f"{k}_results" / f"mol_a_{k}", CHIRAL, frames_of(CHIRAL, seed=k))
    write_replica(root / "train" / "1_results" / "mol_a_3", CHIRAL, frames_of(CHIRAL, 8))
    write_replica(root / "train" / "1_results" / "mol_b_0", ALKENE, frames_of(ALKENE))
    return root


def test_published_simulations(published, tmp_path):
    write_replica(published / "train" / "2_results" / "broken_0", "CCN", frames_of("CCN"), mol__pkl=b"cos\nsystem\n.")
    write_replica(published / "train" / "2_results" / "other_0", "CCO", frames_of("CCO"), smiles__txt=b"CCC\n")
    manifest = build(open_source([published], options=ImportOptions(stride=3)), tmp_path / "md.h5")
    assert manifest["molecules"] == 2 and manifest["frames"] == 3 * 4 + 4
    assert manifest["dropped_structures"] == {
        "a replica of another length or spacing": 1,
        "its graph is not that of its SMILES": 1,
    }
    assert manifest["dropped_names"]["a replica of another length or spacing"] == ["mol_a, mol_a_3"]
    assert manifest["failures"].keys() == {"broken, broken_0"} and "split train" in manifest["source"]
    with Store(tmp_path / "md.h5") as store:
        assert store.names == ["mol_a", "mol_b"]
        got = store["mol_a"]
    assert got.frame_ps == pytest.approx(1.2) and got.molecule.smiles == molecule(CHIRAL).smiles
    for k in range(3):
        wanted = with_conformers(mol(CHIRAL), frames_of(CHIRAL, seed=k)[3:4])
        same_structure(got.trajectories[k, 1], wanted, got, tolerance=0.01)


def test_splits_of_published_simulations_are_not_mixed(published):
    write_replica(published / "test" / "0_results" / "mol_c_0", "CCO", frames_of("CCO"))
    with pytest.raises(InputError, match=r"several splits \(test, train\); choose one with --split"):
        open_source([published])
    records, _ = read(open_source([published], options=ImportOptions(split="test")))
    assert list(records) == ["mol_c"]
    assert open_source([published / "train"]).total == 2 and open_source([published / "train" / "1_results"]).total == 2
    with pytest.raises(InputError, match="no split 'val'"):
        open_source([published], options=ImportOptions(split="val"))


def cut(content: bytes, frames: int) -> bytes:
    """The first bytes of an XTC of 12 frames."""
    return content[: len(content) * frames // 12 - 3]


@pytest.mark.parametrize("name", ["traj.xtc", "mol.pkl", "smiles.txt", "system.pdb"])
def test_a_missing_file_of_a_published_replica_is_named(published, name):
    folder = published / "train" / "1_results" / "mol_b_0"
    if name == "traj.xtc":
        (folder / name).write_bytes(cut((folder / name).read_bytes(), 7))
    else:
        (folder / name).unlink()
    _, dropped = read(open_source([published]))
    assert dropped.failures.keys() == {"mol_b, mol_b_0"} and name in dropped.failures["mol_b, mol_b_0"]


def test_a_trajectory_cut_between_frames_is_found_by_its_scalars(published):
    folder = published / "train" / "1_results" / "mol_b_0"
    mdtraj.Trajectory(frames_of(ALKENE)[:4] / 10.0, None, time=np.arange(1, 5) * 0.4).save_xtc(str(folder / "traj.xtc"))
    _, dropped = read(open_source([published]))
    assert "covers 1.2 ps, and its scalars.csv 4.4 ps: it is cut off" in dropped.failures["mol_b, mol_b_0"]


def test_another_order_of_atoms_in_a_published_replica_is_found(published):
    folder = published / "train" / "1_results" / "mol_b_0"
    (folder / "mol.pkl").write_bytes(pickle.dumps(mol(ALKENE, shuffle=False)))
    _, dropped = read(open_source([published]))
    assert "other atoms than mol.pkl, or another order" in dropped.failures["mol_b, mol_b_0"]


# trajectory files


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


def test_bonds_come_from_distances_where_a_pdb_has_none(tmp_path):
    write_system(tmp_path / "system.pdb", ALKENE)
    text = (tmp_path / "system.pdb").read_text()
    (tmp_path / "system.pdb").write_text("".join(x for x in text.splitlines(True) if not x.startswith("CONECT")))
    assert text.count("CONECT") and read_topology(tmp_path / "system.pdb").molecule.smiles == molecule(ALKENE).smiles


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
        (nothing, {"topology": "system.pdb", "frame_ps": 1.0}, "every 2 ps, not every 1 ps"),
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


def test_another_isomer_than_that_of_the_coordinates_is_refused(tmp_path):
    write_system(tmp_path / "system.pdb", CHIRAL)
    assert read_topology(tmp_path / "system.pdb", CHIRAL).molecule.smiles == molecule(CHIRAL).smiles
    with pytest.raises(InputError, match="name the molecule it shows"):
        read_topology(tmp_path / "system.pdb", MIRRORED)


def test_a_pdb_atom_without_an_element_is_named(tmp_path):
    write_system(tmp_path / "system.pdb", "CCO", waters=0)
    lines = (tmp_path / "system.pdb").read_text().splitlines()
    k = next(k for k, line in enumerate(lines) if line.startswith(("ATOM", "HETATM")))
    lines[k] = (lines[k][:12] + " Q1 " + lines[k][16:]).ljust(80)[:76] + "    "
    (tmp_path / "system.pdb").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"Atom 1 \(Q1\) of .* has no element"):
        read_topology(tmp_path / "system.pdb")


def test_a_system_of_two_solutes_names_them(tmp_path):
    source, topology = mol("CCO"), mdtraj.Topology()
    for name in ("LIG", "TWO"):
        residue, first = topology.add_residue(name, topology.add_chain()), topology.n_atoms
        for k, atom in enumerate(source.GetAtoms()):
            topology.add_atom(f"{atom.GetSymbol()}{k}", mdtraj.element.Element.getBySymbol(atom.GetSymbol()), residue)
        for bond in source.GetBonds():
            ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            topology.add_bond(*(topology.atom(first + k) for k in ends))
    x = source.GetConformer().GetPositions()
    mdtraj.Trajectory(np.concatenate([x, x + 10.0])[None] / 10.0, topology).save_pdb(str(tmp_path / "two.pdb"))
    with pytest.raises(InputError, match=r"2 molecules besides water and ions \(residues LIG, TWO\).*--residue"):
        read_topology(tmp_path / "two.pdb")
    assert read_topology(tmp_path / "two.pdb", residue="TWO").atoms.min() == len(x)


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
    manifest = build(open_source([tmp_path / "table.csv"]), tmp_path / "md.h5")
    assert manifest["molecules"] == 2 and manifest["frames"] == 2 * 2 * 12
    assert manifest["failures"].keys() == {"two"} and "two1.dcd" in manifest["failures"]["two"]
    (tmp_path / "table.csv").write_text("name,trajectory,topology,frame_ps\na,b.xtc,c.pdb,soon\n")
    with pytest.raises(InputError, match="Line 2 .* no number"):
        open_source([tmp_path / "table.csv"])
    (tmp_path / "table.csv").write_text("name,trajectory\na,b.xtc\n")
    with pytest.raises(InputError, match="no column 'topology'"):
        open_source([tmp_path / "table.csv"])


def test_what_is_not_recognised_says_what_would_be(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing that can be imported"):
        open_source([tmp_path / "empty"])
    with pytest.raises(InputError, match="no file or folder"):
        open_source([tmp_path / "none"])
    with pytest.raises(InputError, match="is not a format"):
        open_source([tmp_path / "empty"], "word")
