"""References on the fly: every molecule that is judged gets a simulation, once."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.references import beside, simulate_references
from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import SHORT, needs_md

pytestmark = needs_md


@pytest.fixture
def generated(tmp_path):
    for name, smiles in (("one", "CCO"), ("two", "C[C@H](N)C=O")):
        frames = np.repeat(geometry(smiles)[None], 3, axis=0)
        meta = {"smiles": smiles, "frame_ps": 5.2, "model": "x"}
        write_molecule_folder(
            tmp_path / "made" / name, molecule(smiles), [Trajectory(molecule(smiles), frames, 5.2)], meta
        )
    (tmp_path / "made" / "bad").mkdir()
    (tmp_path / "made" / "bad" / "molecule.sdf").write_text("no molecule")
    return tmp_path / "made"


def test_every_molecule_gets_a_reference_once(generated):
    out = beside(generated)
    assert out.name == "made_md" and out.parent == generated.resolve().parent
    first = simulate_references(generated, out, SHORT, ns=0.001, save_ps=0.1)
    assert sorted(first.done) == ["one", "two"] and [failure.name for failure in first.failures] == ["bad"]
    found, trajectories, meta = read_molecule_folder(out / "two")
    assert found.smiles == molecule("C[C@H](N)C=O").smiles and len(trajectories) == meta["replicas"]
    again = simulate_references(generated, out, SHORT, ns=0.001, save_ps=0.1)
    assert sorted(again.skipped) == ["one", "two"] and not again.done
