"""Data sets: the store and its damage, splits, folders and QM9 as sources."""

from __future__ import annotations

import ast
import json
from collections import Counter
from itertools import islice

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from eginterpolator.chemistry.molecule import flat_smiles
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.build import build_qm9, build_trajectories
from eginterpolator.data.check import check
from eginterpolator.data.frames import load_frames
from eginterpolator.data.info import describe
from eginterpolator.data.readers.qm9 import qm9_record, qm9_rows, read_qm9
from eginterpolator.data.splits import read_exclusions, split_fraction, validation_mask
from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.io import sha256
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule
from tests.builders.records import record, written


def test_a_store_comes_back(tmp_path):
    records = written(tmp_path / "a.h5")
    with Store(tmp_path / "a.h5") as store:
        assert store.names == ["m0", "m1", "m2"] and len(store) == 3
        for got in store:
            wanted = records[got.name]
            assert got.molecule.smiles == wanted.molecule.smiles and got.molecule.name == got.name
            assert (got.frame_ps, got.ensemble, got.source) == (0.4, "thermal", "made up")
            np.testing.assert_array_equal(got.conformers, wanted.conformers)
            np.testing.assert_array_equal(got.trajectories, wanted.trajectories)
            assert got.trajectories.dtype == np.float32
            np.testing.assert_array_equal(got.molecule.triples, wanted.molecule.triples)
            np.testing.assert_array_equal(got.molecule.triple_signs, wanted.molecule.triple_signs)
        with pytest.raises(InputError, match="no molecule 'x'"):
            store["x"]


def test_the_manifest_names_the_files_hash_and_counts(tmp_path):
    provenance = {"dropped": {}}
    with write_store(tmp_path / "a.h5", provenance) as store:
        store.add(record("CCO", "a", replicas=3, n_frames=5))
        provenance["dropped"] = {"too long": 2}  # counts are filled in while records are added
    manifest = json.loads((tmp_path / "a.h5.json").read_text())
    assert manifest["sha256"] == sha256(tmp_path / "a.h5")
    assert manifest["molecules"] == 1 and manifest["frames"] == 3 + 15
    assert manifest["dropped"] == {"too long": 2} and manifest["file"] == "a.h5" and manifest["command"]


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), write_store(tmp_path / "a.h5", {}) as store:
        store.add(record("CCO", "a"))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change, message",
    [
        ({"name": "a"}, "already"),
        ({"name": "b/c"}, "slash"),
        ({"ensemble": "cold"}, "ensemble"),
        ({"conformers": np.full((1, 9, 3), np.nan)}, "finite"),
        ({"trajectories": np.full((1, 1, 9, 3), np.inf)}, "finite"),
        ({"conformers": np.zeros((1, 8, 3))}, r"\(9, 3\)"),
        ({"trajectories": np.zeros((1, 9, 3))}, r"\(9, 3\)"),
        ({"conformers": None, "trajectories": None}, "no coordinates"),
    ],
)
def test_a_bad_record_is_refused_and_leaves_the_store_as_it_was(tmp_path, change, message):
    good = record("CCO", "a")
    with write_store(tmp_path / "a.h5", {}) as store:
        store.add(good)
        with pytest.raises(InputError, match=message):
            store.add(Record(**{**vars(good), "name": "b", **change}))
    with Store(tmp_path / "a.h5") as store:
        assert store.names == ["a"] and store.faults() == {}


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.9999])
def test_a_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "a.h5"
    written(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    for open_it in (Store, check, describe):
        with pytest.raises(InputError, match=r"a\.h5' is not a complete HDF5 dataset"):
            open_it(path)


def test_a_missing_store_says_how_to_build_one(tmp_path):
    with pytest.raises(InputError, match="egi data"):
        Store(tmp_path / "none.h5")


@pytest.mark.parametrize("array", ["conformers", "trajectories", "atomic_numbers"])
def test_a_flipped_byte_names_its_group(tmp_path, array):
    path = tmp_path / "a.h5"
    written(path)
    assert check(path) == []
    with h5py.File(path) as file:
        offset = file["m1"][array].id.get_offset()
    content = bytearray(path.read_bytes())
    content[offset + 5] ^= 0x40
    path.write_bytes(content)
    assert [fault.group for fault in check(path)] == ["m1"]


def test_damage_anywhere_is_found_or_does_no_harm(tmp_path):
    path = tmp_path / "a.h5"
    records = written(path)
    content = path.read_bytes()
    for position in np.random.default_rng(0).integers(len(content), size=150):
        broken = bytearray(content)
        broken[position] ^= 0xFF
        path.write_bytes(broken)
        try:
            if check(path):
                continue
            with Store(path) as store:
                got = {item.name: item for item in store}
        except InputError:
            continue
        assert got.keys() == records.keys()
        for name, wanted in records.items():
            np.testing.assert_array_equal(got[name].trajectories, wanted.trajectories)
            assert got[name].molecule.smiles == wanted.molecule.smiles and got[name].frame_ps == wanted.frame_ps


def test_describe_counts_what_is_there(tmp_path):
    written(tmp_path / "a.h5")
    facts = describe(tmp_path / "a.h5")
    assert facts["molecules"] == 3 and facts["conformers"] == 6 and facts["trajectory_frames"] == 3 * 12
    assert facts["molecules_by_heavy_atoms"] == {3: 1, 5: 1, 9: 1}
    assert facts["molecules_with_element"] == {"C": 3, "H": 3, "N": 1, "O": 2}
    assert facts["molecules_by_frame_ps"] == {"0.4": 3} and facts["manifest"]["seed"] == 3


# splits and sources


def test_stereoisomers_and_datasets_agree_on_the_side(tmp_path):
    assert (
        molecule(CHIRAL).smiles_flat == molecule(MIRRORED).smiles_flat == flat_smiles(CHIRAL) == flat_smiles(MIRRORED)
    )
    assert flat_smiles("C/C=C\\C#N") == flat_smiles("C/C=C/C#N") == flat_smiles("N#CC=CC")
    written(tmp_path / "a.h5", [CHIRAL, "CCO", "CCN"])
    written(tmp_path / "b.h5", ["OCC", MIRRORED, "CCC"])
    sides: dict[str, set[bool]] = {}
    for name in ("a.h5", "b.h5"):
        frames = load_frames([tmp_path / name], 9, 8)
        for share in (0.2, 0.5, 0.8):
            for key, held_out in zip(frames.keys, validation_mask(frames.keys, share), strict=True):
                sides.setdefault(f"{key} {share}", set()).add(bool(held_out))
    assert len(sides) == 3 * 4 and all(len(side) == 1 for side in sides.values())


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.text(max_size=8), max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_the_same_molecules_and_more(keys, share, larger):
    share, larger = sorted((share, larger))
    assert (validation_mask(keys, share) <= validation_mask(keys, larger)).all()
    assert not validation_mask(keys, 0.0).any() and validation_mask(keys, 1.0).all()


def test_the_share_is_that_of_the_molecules():
    fractions = np.array([split_fraction(f"C{k}") for k in range(4000)])
    assert fractions.min() >= 0 and fractions.max() < 1
    assert validation_mask([f"C{k}" for k in range(4000)], 0.12).mean() == pytest.approx(0.12, abs=0.02)


def test_exclusions_come_from_smi_files_and_folders(tmp_path):
    (tmp_path / "test.smi").write_text(f"{MIRRORED} one\n\nOCC two\n")
    for k, smiles in enumerate(["CCC", "C/C=C/C#N"]):
        (tmp_path / "folders" / f"m{k}").mkdir(parents=True)
        (tmp_path / "folders" / f"m{k}" / "meta.json").write_text(json.dumps({"smiles": smiles}))
    got = read_exclusions([tmp_path / "test.smi", tmp_path / "folders"])
    assert got == {molecule(s).smiles_flat for s in (CHIRAL, "CCO", "CCC", "C/C=C\\C#N")}


def test_exclusions_that_cannot_be_read_stop_the_build(tmp_path):
    (tmp_path / "bad.smi").write_text("CCO\nC(\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "meta.json").write_text("{}")
    for path, message in (("none", "no file"), ("bad.smi", "valid SMILES"), ("empty", "no meta"), ("broken", "SMILES")):
        with pytest.raises(InputError, match=message):
            read_exclusions([tmp_path / path])


def made(smiles: str, name: str, shift: float = 0.0, n_frames: int = 5) -> tuple[str, list[Trajectory]]:
    frames = np.repeat(geometry(smiles)[None].astype(np.float32), n_frames, axis=0)
    other = frames.copy()
    other[-1, -1] += shift
    return name, [Trajectory(molecule(smiles), part, 5.2) for part in (frames, other)]


def test_trajectory_folders_become_a_store(tmp_path):
    whole, broken, uneven = made("CCO", "whole"), made("CCN", "broken", shift=3.0), made("CCC", "uneven")
    uneven[1][1] = Trajectory(molecule("CCC"), uneven[1][0].positions[:3], 5.2)
    for name, trajectories in (whole, broken, uneven, made(CHIRAL, "test")):
        meta = {"smiles": trajectories[0].molecule.smiles, "frame_ps": 5.2, "protocol": "made up"}
        write_molecule_folder(tmp_path / "md" / name, trajectories[0].molecule, trajectories, meta)
    (tmp_path / "test.smi").write_text(MIRRORED)
    manifest = build_trajectories(tmp_path / "md", tmp_path / "md.h5", [tmp_path / "test.smi"])
    assert manifest["molecules"] == 3 and manifest["frames"] == 10 + 5 + 5
    assert manifest["dropped"] == {"excluded, for example as a test molecule": 1}
    assert manifest["dropped_structures"] == {
        "a replica has broken bonds": 1,
        "a replica of another length or spacing": 1,
    }
    assert manifest["dropped_names"]["a replica has broken bonds"] == ["broken, trajectory_001.xtc"]
    with Store(tmp_path / "md.h5") as store:
        got = store["whole"]
        assert got.molecule.smiles == "CCO" and got.frame_ps == pytest.approx(5.2) and got.source == "made up"
        np.testing.assert_allclose(got.trajectories[0], whole[1][0].positions, atol=0.006)
    with pytest.raises(InputError, match="no molecule folders"):
        build_trajectories(tmp_path, tmp_path / "none.h5")


# QM9


@pytest.fixture(scope="module")
def rows():
    return list(islice(qm9_rows(), 400))


def test_qm9_rows_become_molecules_with_their_geometry(rows):
    dropped: Counter[str] = Counter()
    chiral = 0
    for row in rows:
        try:
            got = qm9_record(row)
        except InputError as error:
            dropped[str(error)] += 1
            continue
        mol = got.molecule
        assert flat_smiles(row["SMILES"]) == mol.smiles_flat and got.name == f"qm9_{int(row['Index']):06d}"
        assert got.ensemble == "minimum" and got.conformers.shape == (1, int(row["N_atoms"]), 3)
        table = np.array(ast.literal_eval(row["XYZ_Ang"]), dtype=np.float32)
        np.testing.assert_array_equal(np.sort(got.conformers[0], axis=0), np.sort(table, axis=0))
        x = got.conformers[0]
        for bond in mol.rdmol.GetBonds():
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            assert np.linalg.norm(x[i] - x[j]) < (1.2 if max(i, j) >= mol.n_heavy else 1.75)
        assert frame_stereo(mol, got.conformers).all()
        chiral += bool(len(mol.triples))
        mirrored = qm9_record(row, mirror=True)
        assert frame_stereo(mirrored.molecule, mirrored.conformers).all()
        flipped = Chem.MolFromSmiles(mol.smiles)
        for atom in flipped.GetAtoms():
            atom.InvertChirality()
        assert Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(flipped))) == Chem.MolToSmiles(
            Chem.MolFromSmiles(mirrored.molecule.smiles)
        )
    assert sum(dropped.values()) <= 4 and chiral > 20


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"SMILES": "C(C)(C)(C)(C)C"}, "not sanitised"),
        ({"SMILES": "C.CO"}, "fragments"),
        ({"SMILES": "OCC"}, "another order"),
        ({"SMILES": "C=CO"}, "hydrogens elsewhere"),
    ],
)
def test_qm9_rows_that_do_not_fit_are_refused(rows, change, reason):
    ethanol = next(row for row in rows if row["SMILES"] == "CCO")
    assert qm9_record(ethanol).molecule.smiles == "CCO"
    with pytest.raises(InputError, match=reason):
        qm9_record({**ethanol, **change})


def test_qm9_bonds_and_hydrogens_are_checked_against_the_geometry(rows):
    ethanol = next(row for row in rows if row["SMILES"] == "CCO")
    positions = np.array(ast.literal_eval(ethanol["XYZ_Ang"]))
    stretched = positions.copy()
    stretched[2] += (stretched[2] - stretched[1]) * 0.5
    swapped = positions.copy()
    swapped[-1] = swapped[0] + 0.6  # the hydroxyl hydrogen sits on the first carbon
    for changed, reason in ((stretched, "bond longer"), (swapped, "hydrogens elsewhere")):
        with pytest.raises(InputError, match=reason):
            qm9_record({**ethanol, "XYZ_Ang": str(changed.tolist())})


def test_qm9_counts_what_it_drops(rows, monkeypatch):
    bad = {**rows[0], "SMILES": "C.C"}
    monkeypatch.setattr("eginterpolator.data.readers.qm9.qm9_rows", lambda: iter([rows[0], bad, bad, rows[1]]))
    dropped: Counter[str] = Counter()
    assert [item.molecule.smiles for item in read_qm9(dropped)] == ["C", "N"]
    assert dropped == {"several fragments": 2}


def test_qm9_becomes_a_store_without_the_excluded(tmp_path):
    (tmp_path / "test.smi").write_text("N\nCC\n")
    manifest = build_qm9(tmp_path / "qm9.h5", [tmp_path / "test.smi"], limit=6)
    assert manifest["molecules"] == 6 and sum(manifest["dropped"].values()) == 2
    with Store(tmp_path / "qm9.h5") as store:
        assert not {"N", "CC"} & {item.molecule.smiles for item in store}
        assert {item.ensemble for item in store} == {"minimum"} and check(tmp_path / "qm9.h5") == []
