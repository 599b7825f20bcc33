"""Tables of wells and states, and the files in a molecule folder."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.analysis.tables import (
    Populations,
    trajectory_states,
    trajectory_torsions,
    write_populations,
    write_representatives,
)
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.trajectory import Trajectory
from tests.builders.cli import rows
from tests.builders.trajectories import embedded_trajectory
from tests.builders.wells import turned


@pytest.fixture(scope="module")
def butanes():
    random = np.random.default_rng(8)
    return [
        turned("CCCC", (0, 1, 2, 3), np.repeat([180.0, 65.0, 180.0, -65.0], 25) + random.normal(scale=8, size=100))
        for _ in range(5)
    ]


def test_files_of_a_folder(tmp_path, butanes):
    write_populations(tmp_path, butanes)
    wells, states = rows(tmp_path / "torsions.csv"), rows(tmp_path / "states.csv")
    assert {row["well"] for row in wells} == {"trans", "gauche+", "gauche-"}
    assert sum(float(row["share"]) for row in wells) == pytest.approx(1, abs=1e-4)
    assert sum(float(row["population"]) for row in states) == pytest.approx(1, abs=1e-4)
    assert states[0]["wells"] == "C1-C2-C3-C4 trans" and states[0]["interval_from"] == "5 trajectories"
    (tmp_path / "states.csv").read_text().encode("ascii")
    (tmp_path / "torsions.csv").read_text().encode("ascii")


def test_the_structures_are_the_frames_that_the_table_names(tmp_path, butanes):
    write_populations(tmp_path, butanes)
    mols = list(Chem.SDMolSupplier(str(tmp_path / "states.sdf"), removeHs=False))
    table = rows(tmp_path / "states.csv")
    assert [mol.GetProp("state") for mol in mols] == [row["state"] for row in table]
    assert [mol.GetProp("_Name") for mol in mols] == [f"demo {row['state']}" for row in table]
    for mol, row in zip(mols, table, strict=True):
        frame = butanes[int(row["sample"])].positions[int(row["frame"])]
        np.testing.assert_allclose(mol.GetConformer().GetPositions(), frame, atol=1e-4)
        assert float(mol.GetProp("population")) == pytest.approx(float(row["population"]), rel=1e-3)
        assert mol.GetProp("smiles") == "CCCC"


def test_tables_of_a_trajectory(butanes):
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency; its tables are tested where it is")
    trajectory = butanes[0]
    wells, states = trajectory.torsions(), trajectory.states()
    assert wells == trajectory_torsions(trajectory) and states == trajectory_states(trajectory)
    frame = pandas.DataFrame(wells)
    assert frame["share"].sum() == pytest.approx(1) and list(frame.columns) == list(wells)
    assert states.to_pandas()["state"].tolist() == ["S1", "S2", "S3"]
    assert states["interval_from"][0] == "10 blocks of 1 trajectory"


def test_states_of_another_run_can_be_asked_for(butanes):
    theirs = Populations.of_trajectories(butanes)
    ours = Populations.of(butanes[0].molecule, [butanes[0].positions[:25]], 5.0, like=theirs)
    assert [row.wells for row in ours.states.rows] == [["trans"]]
    assert ours.states.torsions == theirs.states.torsions and ours.torsions[0].names == theirs.torsions[0].names


@pytest.mark.parametrize("smiles", ["C", "CO", "CC(C)(C)c1ccccc1", "C1CCCCC1C", "C[C@H](O)/C=C/C#N"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_any_molecule_and_length_gives_tables(tmp_path, smiles, n):
    made = embedded_trajectory(smiles, n)
    write_populations(tmp_path, [made])
    assert rows(tmp_path / "states.csv")[0]["state"] == "S1"
    assert len({row["torsion"] for row in rows(tmp_path / "torsions.csv")}) == len(torsion_quadruples(made.molecule))
    write_populations(tmp_path, [Trajectory(made.molecule, made.heavy, 1.0)] * 2)


def test_representatives_of_any_rows(tmp_path, butanes):
    row = {"cluster": "C1", "sample": 2, "frame": 7, "spread": None}
    write_representatives(tmp_path / "x.sdf", butanes, [row], "cluster")
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "x.sdf"), removeHs=False)
    assert mol.GetProp("_Name") == "demo C1" and not mol.HasProp("spread")
    molecule = Molecule.from_smiles("CCCC")
    angle = torsions(mol.GetConformer().GetPositions()[None], torsion_quadruples(molecule))
    wanted = torsions(butanes[2].positions[7:8], torsion_quadruples(molecule))
    assert angle == pytest.approx(wanted, abs=1e-3)
