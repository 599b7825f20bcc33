"""Thermal structures: which molecules are taken, folders that appear whole, and runs that go on."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import flat_smiles
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.readers.qm9 import qm9_rows
from eginterpolator.data.thermal import ThermalConfig, candidates, run_molecule, run_thermal, write_thermal
from eginterpolator.errors import InputError
from tests.builders.networks import molecule
from tests.builders.simulation import needs_md

SHORT = ThermalConfig(replicas=2, production_ps=0.4, save_ps=0.1, equilibration_ps=0.4)


def test_molecules_come_in_the_order_of_the_seed_without_the_excluded(monkeypatch):
    rows = list(islice(qm9_rows(), 2000, 2300))
    monkeypatch.setattr("eginterpolator.data.readers.qm9.qm9_rows", lambda: iter(rows))
    first = list(islice(candidates(ThermalConfig(), set()), 6))
    smiles = [m.smiles for m in first]
    assert all(6 <= m.n_heavy <= 9 for m in first) and len({m.smiles_flat for m in first}) == 6
    excluded = {flat_smiles(smiles[1]), flat_smiles(smiles[4])}
    rest = [m.smiles for m in islice(candidates(ThermalConfig(), excluded), 4)]
    assert rest == [s for k, s in enumerate(smiles) if k not in (1, 4)]
    assert [m.smiles for m in islice(candidates(ThermalConfig(seed=1), set()), 6)] != smiles


@needs_md
def test_frames_are_of_the_isomer_from_several_starts_and_the_same_for_a_seed():
    alanine = molecule("C[C@H](N)C=O")
    starts, frames, meta = run_molecule(alanine, SHORT)
    assert starts.shape == (2, alanine.n_atoms, 3) and frames.shape == (2, 4, alanine.n_atoms, 3)
    assert frame_stereo(alanine, frames.reshape(-1, alanine.n_atoms, 3)).all()
    assert (meta["replicas"], meta["n_frames"]) == (2, 4) and meta["frame_ps"] == pytest.approx(0.1)
    np.testing.assert_array_equal(run_molecule(alanine, SHORT)[0], starts)


def test_a_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    ethanol = molecule("CCO")
    starts = np.zeros((1, ethanol.n_atoms, 3))
    meta = {"frame_ps": 0.1, "smiles": ethanol.smiles}
    write_thermal(tmp_path, ethanol, starts, np.zeros((1, 4, ethanol.n_atoms, 3), np.float32), meta)
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {"molecule.sdf", "frames.npz", "meta.json"}

    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError):
        write_thermal(tmp_path / "other", ethanol, starts, starts[None], meta)
    assert not [path for path in (tmp_path / "other").iterdir() if not path.name.startswith(".")]


@needs_md
def test_what_is_in_a_folders_place_is_named(tmp_path):
    methanol = molecule("CO")
    (tmp_path / (methanol.name or "molecule")).mkdir()
    with pytest.raises(InputError, match="in the way"):
        run_thermal([methanol], tmp_path, SHORT)
    with pytest.raises(InputError, match="no run"):
        run_thermal([methanol], tmp_path / "other", ThermalConfig(replicas=0))
