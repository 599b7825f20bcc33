"""Packing of explicit water, the calibration of friction, and how far implicit MD is from water: what they count."""

from __future__ import annotations

import json
import shutil
import sys

import h5py
import numpy as np
import pytest

import pack_water
from eginterpolator.data.readers.water import read_group
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol, ImplicitProtocol
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, walk

WATER = ROOT / "datasets" / "water" / "water.h5"


def write_water(folder, smiles=FLEXIBLE, n_frames=20, protocol=None, **changes):
    """A folder as `egi simulate --protocol explicit` leaves it: two replicas, made up."""
    molecule, _ = embedded(smiles)
    protocol = protocol or ExplicitProtocol(**BOXES["small"])
    meta = {
        "smiles": molecule.smiles, "protocol": protocol.to_dict(), "replicas": 2, "ns": 0.026, "engine": "gromacs",
        "platform": "GROMACS 1, 1 thread", **protocol.conditions.to_meta(), "frame_ps": 1.3, "stereo_retention": 1.0,
        "mean_density_g_ml": 0.982, "versions": {"eginterpolator": "0.1.0"}, "seconds": 3.0, **changes,
    }  # fmt: skip
    frames = [walk(smiles, n_frames, k) for k in range(2)]
    write_molecule_folder(folder, molecule, [Trajectory(molecule, x, 1.3) for x in frames], meta)
    return molecule, frames


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(script, *words):
        monkeypatch.setattr(sys, "argv", [script.__file__, *map(str, words)])
        return script.main()

    return run


def test_folders_of_egi_simulate_are_packed_beside_what_the_file_holds(call, tmp_path, capsys):
    shutil.copy(WATER, tmp_path / "water.h5")
    before = json.loads(WATER.with_suffix(".json").read_text())["molecules"]
    molecule, frames = write_water(tmp_path / "first" / "new")
    write_water(tmp_path / "second" / "other")
    write_water(tmp_path / "second" / "new", mean_density_g_ml=0.97)  # the first of a name is taken
    (tmp_path / "second" / ".late.replicas-0123").mkdir()
    (tmp_path / "second" / "summary.csv").write_text("name\n")
    call(pack_water, "first", "second", "--out", "water.h5")
    assert "left out: late: not finished" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "water.json").read_text())
    assert set(manifest["molecules"]) == {*before, "new", "other"} and manifest["left_out"] == {"late": "not finished"}
    assert manifest["ensemble"] == "tip3p" and manifest["temperature_K"] == 300.0
    sources = {name: found["source"] for name, found in manifest["molecules"].items()}
    assert sources["new"] == "egi simulate 0.1.0, engine gromacs, GROMACS 1, 1 thread"
    assert manifest["molecules"]["new"]["mean_density_g_ml"] == 0.982
    with h5py.File(tmp_path / "water.h5") as file, h5py.File(WATER) as kept:
        found, replicas, conditions = read_group(file["new"], "new")
        for name in before:
            assert np.array_equal(file[name]["coordinates"], kept[name]["coordinates"])
    assert found.smiles == molecule.smiles and str(conditions) == "tip3p, 300 K, 1/ps"
    heavy = frames[1][:, : molecule.n_heavy]
    order = list(found.heavy_mol.GetSubstructMatch(molecule.heavy_mol))
    distances = [np.linalg.norm(x[:, 0] - x[:, 3], axis=1) for x in (heavy, replicas[1].positions[:, order])]
    np.testing.assert_allclose(*distances, atol=0.02)
    shutil.rmtree(tmp_path / "first")
    call(pack_water, "--out", "water.h5")  # the folder is gone, what was packed stays
    again = json.loads((tmp_path / "water.json").read_text())["molecules"]
    assert again == manifest["molecules"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"protocol": ImplicitProtocol()}, "the ensemble is obc2, not explicit water"),
        ({"mean_density_g_ml": 0.41}, "its density is 0.41 g/ml"),
        ({"waters": 0}, "there is no water in its box"),
        ({"stereo_retention": 0.75}, "25.00% of its frames are of another stereoisomer"),
        ({"ns": 1.3}, "a replica has 20 frames, not 1000"),
        ({"replicas": 4}, "2 of 4 replicas, with [20] frames"),
        ({"smiles": "C#C[C@H](C)O[C@@H](C)CO"}, "held out by the list published_qm9"),
    ],
)
def test_what_is_no_sound_simulation_in_water_is_left_out_with_its_reason(call, tmp_path, changes, reason):
    write_water(tmp_path / "all" / "good")
    write_water(tmp_path / "all" / "bad", **changes)
    call(pack_water, "all", "--out", "packed.h5")
    manifest = json.loads((tmp_path / "packed.json").read_text())
    assert list(manifest["molecules"]) == ["good"] and manifest["left_out"] == {"bad": reason}


def test_nothing_to_pack_is_said(call, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to pack"):
        call(pack_water, "empty", "--out", "packed.h5")
    with pytest.raises(InputError, match="no folder or file 'missing'"):
        call(pack_water, "missing", "--out", "packed.h5")
    assert not (tmp_path / "packed.h5").exists()
