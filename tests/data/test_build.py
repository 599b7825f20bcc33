"""Sources become stores: counts, exclusions, splits."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.data.build import build_qm9, build_trajectories, split_store
from eginterpolator.data.check import check
from eginterpolator.data.splits import validation_mask
from eginterpolator.data.store import Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule
from tests.builders.records import record, written


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


def test_qm9_becomes_a_store_without_the_excluded(tmp_path):
    (tmp_path / "test.smi").write_text("N\nCC\n")
    manifest = build_qm9(tmp_path / "qm9.h5", [tmp_path / "test.smi"], limit=6)
    assert manifest["molecules"] == 6 and sum(manifest["dropped"].values()) == 2
    with Store(tmp_path / "qm9.h5") as store:
        assert not {"N", "CC"} & {item.molecule.smiles for item in store}
        assert {item.ensemble for item in store} == {"minimum"} and check(tmp_path / "qm9.h5") == []


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
