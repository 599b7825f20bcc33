"""Datasets as a user meets them: written, shown, checked, damaged, split."""

from __future__ import annotations

import json
import re

import h5py
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.build import build, split_store
from eginterpolator.data.check import check
from eginterpolator.data.filters import Dropped, checked, graph_holds, same_stereo
from eginterpolator.data.info import describe
from eginterpolator.data.readers.folders import MoleculeFolders
from eginterpolator.data.splits import validation_mask
from eginterpolator.data.store import Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.sdf import with_conformers
from eginterpolator.files.trajectory import Trajectory
from tests.builders.cli import sentence
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule
from tests.builders.records import record, written


def offset(path, group: str, array: str) -> int:
    """Where an array's bytes begin in the file."""
    with h5py.File(path) as file:
        return int(file[group][array].id.get_offset())


def flip(path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("array", ["conformers", "trajectories", "atomic_numbers"])
def test_round_trip_and_a_flipped_byte(egi, tmp_path, array):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    records = written(a)
    written(b, ["CCN", "CCF"])
    with Store(a) as store:
        for name, wanted in records.items():
            np.testing.assert_array_equal(store[name].trajectories, wanted.trajectories)
    good = egi("data", "check", a, b)
    assert good.code == 0 and good.out.count("what the manifest says") == 2
    flip(a, offset(a, "m1", array) + 3)
    bad = egi("data", "check", a, b)
    assert bad.code == 1 and "Traceback" not in bad.err
    assert re.findall(r"damaged: group '(\w+)' of '(.*?)'", bad.out) == [("m1", str(a))]
    assert f"{b}: file, groups and arrays" in bad.out


def test_a_byte_flipped_anywhere_is_noticed(tmp_path):
    path = tmp_path / "a.h5"
    written(path)
    whole = path.read_bytes()
    named = 0
    for position in np.random.default_rng(1).integers(len(whole), size=60):
        path.write_bytes(whole)
        flip(path, int(position))
        try:
            faults = check(path)
        except InputError as error:
            assert str(path) in str(error)
            continue
        assert faults and all(fault.file == str(path) for fault in faults)
        named += any(fault.group for fault in faults)
    assert named > 10
    path.write_bytes(whole)
    assert check(path) == []


def test_what_was_altered_on_purpose_is_found_by_the_manifest(tmp_path):
    path = tmp_path / "a.h5"

    def faults() -> list[tuple[str, str]]:
        return [(fault.group, fault.reason) for fault in check(path)]

    written(path)
    with h5py.File(path, "a") as file:
        file["m2"].attrs["frame_ps"] = 5.2
    assert faults() == [("m2", "it was altered after the manifest was written")]
    records = written(path)
    with write_store(tmp_path / "other.h5", {}) as writer:
        for name in ("m0", "m1"):
            writer.add(records[name])
    other = json.loads((tmp_path / "other.h5.json").read_text())
    manifest = json.loads((tmp_path / "a.h5.json").read_text())
    (tmp_path / "a.h5.json").write_text(json.dumps({**manifest, "groups": other["groups"]}))
    assert faults() == [("m2", "the manifest does not have it")]
    (tmp_path / "other.h5.json").write_text(json.dumps({**other, "groups": manifest["groups"]}))
    path = tmp_path / "other.h5"
    assert faults() == [("m2", "it is missing")]
    (tmp_path / "other.h5.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest '.*other\.h5\.json' is no valid JSON"):
        check(path)


def test_stores_of_before_and_without_a_manifest_are_checked_as_far_as_they_can(egi, tmp_path):
    path, manifest = tmp_path / "a.h5", tmp_path / "a.h5.json"
    written(path)
    old = {key: value for key, value in json.loads(manifest.read_text()).items() if key != "groups"}
    manifest.write_text(json.dumps(old))
    assert check(path) == []
    with h5py.File(path, "a") as file:
        file["m2"].attrs["frame_ps"] = 5.2
    assert [(fault.group, fault.reason) for fault in check(path)] == [
        ("", "its bytes are not those the manifest was written for")
    ]
    manifest.unlink()
    result = egi("data", "check", path)
    assert result.code == 0 and "has no manifest" in result.out


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_store_is_one_sentence(egi, tmp_path, keep):
    path = tmp_path / "a.h5"
    written(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    for command in ("check", "info"):
        sentence(egi("data", command, path), str(path))


def test_a_store_that_replaces_another_never_has_its_manifest(tmp_path, monkeypatch):
    """Killed between the two files, the new store has no manifest rather than the old one's."""
    written(tmp_path / "a.h5")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eginterpolator.data.store.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "a.h5", ["CCO"])
    assert not (tmp_path / "a.h5.json").exists() and check(tmp_path / "a.h5") == []


# info


def test_info_prints_a_table_and_bars(egi, tmp_path):
    written(tmp_path / "a.h5")
    result = egi("data", "info", tmp_path / "a.h5")
    assert result.code == 0
    for text in ("molecules", "trajectory frames", "by heavy atoms", "by element", "by frame spacing, ps", "sha256"):
        assert text in result.out
    bars = {name: (len(bar), int(count)) for name, bar, count in re.findall(r"^ +(\w+) (█+) (\d+)$", result.out, re.M)}
    assert bars["C"] == bars["H"] == (40, 3) and bars["O"] == (27, 2) and bars["N"] == (13, 1)
    assert json.loads(egi("data", "info", tmp_path / "a.h5", "--json").out) == json.loads(
        json.dumps(describe(tmp_path / "a.h5"))
    )


def test_info_draws_what_it_counts(egi, tmp_path):
    written(tmp_path / "a.h5")
    assert egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert all(label in text for label in ("<svg", "heavy atoms", "element", "frame spacing, ps"))
    sentence(egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.doc"), "is no picture")
    assert not (tmp_path / "a.doc").exists()


def test_facts_are_those_of_the_records(tmp_path):
    records = written(tmp_path / "a.h5")
    with Store(tmp_path / "a.h5") as store:
        for name, wanted in records.items():
            facts = store.facts(name)
            assert facts.smiles == wanted.molecule.smiles and facts.conformers == 2
            assert facts.trajectories == (2, 6) and facts.frame_ps == pytest.approx(0.4)
            np.testing.assert_array_equal(facts.atomic_numbers, wanted.molecule.atomic_numbers)


# filters


def placed(smiles: str) -> Chem.Mol:
    return with_conformers(molecule(smiles).rdmol, geometry(smiles)[None])


@pytest.mark.parametrize(
    "mol, smiles, reason",
    [
        (Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False), "CCC", "does not sanitise"),
        (Chem.MolFromSmiles("CC.O"), "CC", "several fragments"),
        (Chem.MolFromSmiles("CCO"), "CCO", "no 3D structure"),
        (placed("CCO"), "COC", "its graph is not that of its SMILES"),
        (placed("CCO"), "C(C", "its SMILES is not valid"),
        (placed("CCO"), "CCO.Cl", "several fragments"),
        (Chem.RemoveHs(placed("CCO")), "CCO", "hydrogens are missing"),
    ],
)
def test_a_filter_says_why(mol, smiles, reason):
    with pytest.raises(InputError, match=reason):
        checked(mol, smiles, "name")


def test_what_passes_the_filters_keeps_its_atoms():
    order = np.random.default_rng(0).permutation(molecule(CHIRAL).n_atoms).tolist()
    mol = Chem.RenumberAtoms(placed(CHIRAL), order)
    found, index = checked(mol, MIRRORED, "name")  # the graph is the same, the structure decides the stereo
    assert found.smiles == molecule(CHIRAL).smiles and found.name == "name"
    positions = mol.GetConformer().GetPositions()[index]
    np.testing.assert_allclose(positions, found.rdmol.GetConformer().GetPositions())
    assert graph_holds(found, positions[None])[0]
    assert same_stereo(found, CHIRAL) and not same_stereo(found, MIRRORED) and same_stereo(found, "CCC(O)C#CCOC")


def test_bonds_of_a_structure_are_compared_with_the_graph():
    ethanol, x = molecule("CCO"), geometry("CCO")
    torn, touching = x.copy(), x.copy()
    torn[2] += 1.0
    touching[2] = touching[0] + [0.0, 0.0, 1.4]  # the oxygen on the first carbon
    assert graph_holds(ethanol, np.stack([x, torn, touching, x * np.nan, x + 5.0])).tolist() == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_names_of_what_was_dropped_are_bounded_and_counts_are_not():
    dropped = Dropped()
    for k in range(100):
        dropped.molecule("reason", f"m{k}")
    dropped.structure("other", "m0", 3)
    dropped.structure("nothing", "m0", 0)
    assert dropped.molecules == 100 and len(dropped.names["reason"]) == 20
    assert dropped.manifest()["dropped_structures"] == {"other": 3}


# building, on screen


@pytest.fixture
def folders(tmp_path):
    """Three molecule folders: one good, one with an exploded replica, one whose XTC is cut off."""
    for smiles, name in (("CCO", "good"), ("CCN", "half"), ("CCC", "cut")):
        frames = np.repeat(geometry(smiles)[None], 4, axis=0)
        other = frames.copy()
        other[2, 0] += 3.0 * (name == "half")
        trajectories = [Trajectory(molecule(smiles), x, 5.2) for x in (frames, other)]
        meta = {"smiles": smiles, "frame_ps": 5.2}
        write_molecule_folder(tmp_path / "md" / name, molecule(smiles), trajectories, meta)
    xtc = tmp_path / "md" / "cut" / "trajectory_001.xtc"
    xtc.write_bytes(xtc.read_bytes()[:-5])
    return tmp_path / "md"


def test_import_shows_what_it_dropped_and_exits_1_for_broken_files(egi, folders, tmp_path):
    result = egi("data", "import", folders, "--out", "md.h5")
    assert result.code == 1 and "Traceback" not in result.err
    assert "failed: cut: " in result.err and "trajectory_001.xtc" in result.err
    text = re.sub(r"[^\w.,]+", " ", result.out)
    assert re.search(r"kept 2 12 structures", text) and "dropped a replica 1 half" in text, text
    manifest = json.loads((tmp_path / "md.h5.json").read_text())
    assert manifest["dropped_structures"] == {"a replica has broken bonds": 1}
    assert manifest["failures"].keys() == {"cut"} and set(manifest["groups"]) == {"good", "half"}
    as_json = egi("data", "import", folders, "--out", "again.h5", "--json", "--quiet")
    assert json.loads(as_json.out)["molecules"] == 2


def test_nothing_left_leaves_what_was_there(egi, folders, tmp_path):
    written(tmp_path / "md.h5")
    before = (tmp_path / "md.h5").read_bytes(), (tmp_path / "md.h5.json").read_bytes()
    (tmp_path / "all.smi").write_text("CCO\nCCN\nCCC\n")
    result = egi("data", "import", folders, "--out", "md.h5", "--exclude", "all.smi", "--quiet")
    sentence(result, "No molecule of folders in md is left")
    assert before == ((tmp_path / "md.h5").read_bytes(), (tmp_path / "md.h5.json").read_bytes())


def test_progress_counts_every_molecule(folders, tmp_path):
    seen = []
    build(MoleculeFolders.open(folders), tmp_path / "md.h5", progress=lambda done, name: seen.append((done, name)))
    assert seen == [(2, "good"), (3, "half")]  # "cut" comes first and has no record


# splits


def test_a_store_is_split_by_molecule(tmp_path):
    names = ["CC" + "C" * k + end for k in range(8) for end in ("O", "N", "F")]
    with write_store(tmp_path / "all.h5", {}) as writer:
        for k, smiles in enumerate([*names, CHIRAL, MIRRORED]):
            writer.add(record(smiles, f"m{k}", n_frames=1))
    manifests = split_store(tmp_path / "all.h5", tmp_path / "split", validation=0.25, test=0.25)
    sides: dict[str, set[str]] = {}
    for split in manifests:
        with Store(tmp_path / "split" / f"{split}.h5") as store:
            sides[split] = {item.molecule.smiles_flat for item in store}
        assert check(tmp_path / "split" / f"{split}.h5") == []
    assert sum(m["molecules"] for m in manifests.values()) == 26
    flat = set().union(*sides.values())
    assert len(flat) == 25 == sum(map(len, sides.values()))  # the two isomers are on one side
    assert sides["validation"] == {key for key in flat if validation_mask([key], 0.25)[0]}
    with pytest.raises(InputError, match="leave nothing to train on"):
        split_store(tmp_path / "all.h5", tmp_path / "no", validation=0.5, test=0.5)
    written(tmp_path / "few.h5", ["CCO"])
    with pytest.raises(InputError, match="too few molecules"):
        split_store(tmp_path / "few.h5", tmp_path / "no")
    assert not (tmp_path / "no").exists()
