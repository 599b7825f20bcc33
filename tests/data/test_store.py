"""Stores: records come back, manifests, damage, and writes that fail."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from eginterpolator.data.check import check
from eginterpolator.data.info import describe
from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256
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


def test_a_store_that_replaces_another_never_has_its_manifest(tmp_path, monkeypatch):
    """Killed between the two files, the new store has no manifest rather than the old one's."""
    written(tmp_path / "a.h5")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eginterpolator.data.store.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "a.h5", ["CCO"])
    assert not (tmp_path / "a.h5.json").exists() and check(tmp_path / "a.h5") == []


def test_facts_are_those_of_the_records(tmp_path):
    records = written(tmp_path / "a.h5")
    with Store(tmp_path / "a.h5") as store:
        for name, wanted in records.items():
            facts = store.facts(name)
            assert facts.smiles == wanted.molecule.smiles and facts.conformers == 2
            assert facts.trajectories == (2, 6) and facts.frame_ps == pytest.approx(0.4)
            np.testing.assert_array_equal(facts.atomic_numbers, wanted.molecule.atomic_numbers)


def test_each_structure_may_have_its_ensemble_and_temperature(tmp_path):
    good = record("CCO", "a")
    codes, kelvin = np.array([0, 2], dtype=np.int8), np.array([0, 412.5], dtype=np.float32)
    with write_store(tmp_path / "a.h5", {}) as store:
        store.add(Record(**{**vars(good), "ensembles": codes, "temperatures_K": kelvin}))
        store.add(record("CO", "b"))
        for wrong in (
            {"ensembles": codes},
            {"ensembles": codes[:1], "temperatures_K": kelvin[:1]},
            {"ensembles": codes + 9, "temperatures_K": kelvin},
            {"ensembles": codes, "temperatures_K": -kelvin},
        ):
            with pytest.raises(InputError, match="ensembles"):
                store.add(Record(**{**vars(good), "name": "c", **wrong}))
    with Store(tmp_path / "a.h5") as store:
        assert store.names == ["a", "b"] and store.faults() == {}
        np.testing.assert_array_equal(store["a"].ensembles, codes)
        np.testing.assert_array_equal(store["a"].temperatures_K, kelvin)
        assert store["b"].ensembles is None and store["b"].temperatures_K is None
        assert store.facts("a").structures == {"minimum": 1, "obc2": 1} and store.facts("b").structures == {}


def test_stores_of_the_first_format_are_read_and_those_of_a_later_one_refused(tmp_path):
    written(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file.attrs["format"]
    with Store(tmp_path / "a.h5") as store:
        assert store["m0"].ensembles is None and len(store) == 3
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["format"] = 3
    with pytest.raises(InputError, match="format 3"):
        Store(tmp_path / "a.h5")
