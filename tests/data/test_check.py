"""Damage to a store: a byte anywhere, groups that were altered, manifests that lie."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from eginterpolator.data.check import check
from eginterpolator.data.store import Store, write_store
from eginterpolator.errors import InputError
from tests.builders.records import flip, written


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
