"""Folders of structures at many temperatures: what is kept, what fails, and their dataset."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.codes import SAMPLES
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.build import build_thermal
from eginterpolator.data.readers.folders import iter_thermal
from eginterpolator.data.spread import run_spread, sound_structures
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.spread import SpreadSettings, Structures
from tests.builders.networks import CHIRAL, geometry, molecule
from tests.builders.simulation import needs_md

SHORT = SpreadSettings(obc2_frames=1, vacuum_frames=1, frame_ps=0.2, equilibration_ps=0.2)


def structures(n: int, mirrored: int) -> Structures:
    """Structures of `CHIRAL`, of which the last are mirror images."""
    positions = np.repeat(geometry(CHIRAL)[None], n, axis=0).astype(np.float32)
    positions[n - mirrored :, :, 0] *= -1
    return Structures(positions, np.array(["obc2"] * n), np.linspace(250, 500, n, dtype=np.float32), 1.0)


def test_structures_of_another_isomer_are_left_out_and_too_many_of_them_fail_the_molecule():
    kept, reasons = sound_structures(molecule(CHIRAL), structures(20, 2))
    assert len(kept.positions) == len(kept.ensembles) == len(kept.temperatures_K) == 18
    assert dict(reasons) == {"a structure of another stereoisomer": 2}
    with pytest.raises(SimulationError, match="another stereoisomer, 3 of 20"):
        sound_structures(molecule(CHIRAL), structures(20, 3))


@needs_md
def test_folders_become_a_dataset_and_what_is_finished_stays(tmp_path):
    molecules = [Molecule.from_smiles("CO", "methanol"), Molecule.from_smiles("OB(O)C", "boron")]
    first = run_spread(molecules, tmp_path / "out", SHORT)
    assert first.done == ["methanol"] and "parameters for B" in first.failures[0].reason
    assert run_spread(molecules, tmp_path / "out", SHORT).skipped == ["methanol"]
    with pytest.raises(InputError, match="other settings"):
        run_spread(molecules, tmp_path / "out", SpreadSettings())
    with pytest.raises(InputError, match="many temperatures"):
        next(iter_thermal(tmp_path / "out"))
    manifest = build_thermal(tmp_path / "out", tmp_path / "out.h5")
    with Store(tmp_path / "out.h5") as store:
        record = store["methanol"]
        told = store.facts("methanol").structures
    assert manifest["molecules"] == 1 and record.trajectories is None and record.ensemble == "thermal"
    assert len(record.conformers) == len(record.ensembles) == len(record.temperatures_K) == sum(told.values())
    minima = record.ensembles == SAMPLES.index("minimum")
    assert set(told) == {"obc2", "vacuum", "minimum"} and (record.temperatures_K[minima] == 0).all()
    assert (record.temperatures_K[~minima] >= 250).all() and record.friction_per_ps == 1.0
