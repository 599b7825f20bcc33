"""Folders that this package writes, read back: simulations and thermal structures."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.data.build import build
from eginterpolator.data.readers.folders import MoleculeFolders, ThermalFolders, iter_thermal
from eginterpolator.data.thermal import write_thermal
from eginterpolator.errors import InputError
from tests.builders.foreign import read
from tests.builders.networks import CHIRAL, geometry, molecule
from tests.builders.records import write_damaged_folders


def test_progress_counts_every_molecule(tmp_path):
    folders = write_damaged_folders(tmp_path)
    seen = []
    build(MoleculeFolders.open(folders), tmp_path / "md.h5", progress=lambda done, name: seen.append((done, name)))
    assert seen == [(2, "good"), (3, "half")]  # "cut" comes first and has no record


def test_thermal_structures_come_back_and_unfinished_folders_are_not_seen(tmp_path):
    chiral = molecule(CHIRAL)
    frames = np.repeat(geometry(CHIRAL)[None, None], 2, axis=0).repeat(4, axis=1).astype(np.float32)
    write_thermal(tmp_path, chiral, geometry(CHIRAL)[None], frames, {"frame_ps": 0.5})
    (tmp_path / ".half").mkdir()
    (tmp_path / ".half" / "frames.npz").write_bytes(b"half")
    ((mol, positions, frame_ps),) = iter_thermal(tmp_path)
    assert mol.GetNumAtoms() == chiral.n_atoms and frame_ps == 0.5
    np.testing.assert_array_equal(positions, frames)
    source = ThermalFolders.open(tmp_path)
    records, dropped = read(source)
    (record,) = records.values()
    assert source.total == 1 and record.molecule.smiles == chiral.smiles and not dropped.structures
    assert record.trajectories.shape == frames.shape and record.ensemble == "thermal"


def test_a_folder_without_any_and_a_damaged_molecule_are_named(tmp_path):
    for reader in (MoleculeFolders, ThermalFolders):
        with pytest.raises(InputError, match="holds no"):
            reader.open(tmp_path)
    write_thermal(tmp_path, molecule("CO"), geometry("CO")[None], geometry("CO")[None, None], {"frame_ps": 0.5})
    (file,) = tmp_path.glob("*/molecule.sdf")
    file.write_text(file.read_text()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="not readable"):
        list(iter_thermal(tmp_path))
