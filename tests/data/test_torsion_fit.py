"""Times of torsions measured in simulations: fitted, judged on other molecules, never of the molecule itself."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import FASTEST_PS, TorsionTimes, read_times
from eginterpolator.cli.app import app
from eginterpolator.data.frames import load_frames
from eginterpolator.data.splits import split_fraction
from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.data.torsion_fit import SLOWEST_PS, fit_times, measured_times, write_times
from eginterpolator.errors import InputError
from eginterpolator.files.folder import read_molecule_folder
from tests.builders.simulation import needs_md


def jumping(smiles: str, time_ps: float, frame_ps: float = 1.3, n_frames: int = 6000, name: str = "m") -> Record:
    """A molecule whose torsion about its second bond jumps between +60 and -60 degrees, correlated over `time_ps`."""
    from rdkit.Chem import AllChem, rdMolTransforms

    molecule = Molecule.from_smiles(smiles, name)
    mol = molecule.rdmol
    AllChem.EmbedMolecule(mol, randomSeed=1)
    poses = []
    for angle in (60.0, -60.0):
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), 0, 1, 2, 3, angle)
        poses.append(mol.GetConformer().GetPositions())
    random = np.random.default_rng(4)
    # jumps at the rate k correlate as exp(-2 k t)
    jumps = random.random(n_frames) < (1 - math.exp(-frame_ps / time_ps)) / 2
    frames = np.array(poses)[np.cumsum(jumps) % 2]
    return Record(name, molecule, trajectories=frames[None].astype(np.float32), frame_ps=frame_ps)


@pytest.mark.parametrize("time_ps", [6.0, 40.0])
def test_the_time_of_a_torsion_that_jumps_is_measured(time_ps):
    assert measured_times(jumping("CCCC", time_ps))[0] == pytest.approx(time_ps, rel=0.25)


def test_measured_times_stay_within_the_limits():
    assert measured_times(jumping("CCCC", 0.01))[0] == FASTEST_PS
    poses = np.unique(jumping("CCCC", 5.0).trajectories[0], axis=0)
    once = Record("m", Molecule.from_smiles("CCCC"), trajectories=np.repeat(poses, 200, axis=0)[None], frame_ps=40.0)
    assert measured_times(once)[0] == SLOWEST_PS
    assert measured_times(Record("m", Molecule.from_smiles("CCO"), conformers=np.zeros((1, 9, 3)))).shape == (0,)


def test_the_command_fits_and_judges_on_other_molecules(tmp_path):
    smiles = ["CCCC", "CCCO", "CCCN", "CCCF", "CCCS", "CCCCl", "CCCBr", "OCCO"]
    with write_store(tmp_path / "md.h5", {}) as store:
        for k, each in enumerate(smiles):
            store.add(jumping(each, 20.0, n_frames=1500, name=f"m{k}"))
    out = tmp_path / "times.json"
    command = ["data", "torsion-times", str(tmp_path / "md.h5"), "--out", str(out), "--held-out", "0.3"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    facts = json.loads(out.read_text())["measured_on"]
    away = [s for s in smiles if split_fraction(Molecule.from_smiles(s).smiles_flat) < 0.3]
    assert facts["held_out"]["molecules"] == len(away) and facts["molecules"] == len(smiles) - len(away)
    mol = Molecule.from_smiles("CCCC").heavy_mol
    assert read_times(out.read_text()).of_bond(mol, 1, 2) == pytest.approx(20.0, rel=0.3)


def test_what_cannot_be_fitted_or_read_is_said(tmp_path):
    with write_store(tmp_path / "rigid.h5", {}) as store:
        store.add(Record("ethanol", Molecule.from_smiles("CCO"), conformers=np.zeros((1, 9, 3))))
    with pytest.raises(InputError, match="need simulations"):
        fit_times([tmp_path / "rigid.h5"], 0.1)
    for text in ("", "{}", '{"sums": {"a": 3}}'):
        with pytest.raises(InputError, match="no file of torsion times"):
            read_times(text)


def fitted(tmp_path, smiles: list[str]) -> tuple[TorsionTimes, dict[str, Record]]:
    """Times measured on a store of molecules that jump at different rates; some are held out."""
    records = {s: jumping(s, 10.0 * 3**k, n_frames=1500, name=f"m{k}") for k, s in enumerate(smiles)}
    with write_store(tmp_path / "md.h5", {}) as store:
        for record in records.values():
            store.add(record)
    estimate, facts = fit_times([tmp_path / "md.h5"], 0.3)
    write_times(tmp_path / "times.json", estimate, facts)
    return read_times((tmp_path / "times.json").read_text()), records


def test_training_never_sees_what_its_own_molecule_added_to_the_times(tmp_path, monkeypatch):
    smiles = ["CCCC", "CCCO", "CCCN", "CCCF"]
    times, records = fitted(tmp_path, smiles)
    used = [s for s in smiles if split_fraction(Molecule.from_smiles(s).smiles_flat) >= 0.3]
    assert used and times.held_out == 0.3 and len(times.stores) == 1
    monkeypatch.setattr("eginterpolator.data.frames.shipped_times", lambda: times)
    frames = load_frames([tmp_path / "md.h5"], 4, 4)
    for s, got in zip(smiles, frames.times_ps, strict=True):
        others = [records[o] for o in used if o != s]
        with write_store(tmp_path / f"{s}.h5", {}) as store:
            for record in others:
                store.add(record)
        wanted, _ = fit_times([tmp_path / f"{s}.h5"], 0.0)
        assert got == pytest.approx(wanted.of_atoms(records[s].molecule), rel=1e-3)


def test_other_datasets_get_the_times_as_they_are(tmp_path, monkeypatch):
    times, _ = fitted(tmp_path, ["CCCC", "CCCO", "CCCN", "CCCF"])
    monkeypatch.setattr("eginterpolator.data.frames.shipped_times", lambda: times)
    with write_store(tmp_path / "other.h5", {}) as store:
        store.add(jumping("CCCC", 100.0, n_frames=500))
    frames = load_frames([tmp_path / "other.h5"], 4, 4)
    assert frames.times_ps[0] == pytest.approx(times.of_atoms(Molecule.from_smiles("CCCC")))


@needs_md
def test_a_simulation_in_lanes_gives_times_through_import_and_so_do_thermal_structures(egi, tmp_path):
    assert egi("simulate", "CCCCO", "--name", "butanol", "--ns", 0.02, "--save-ps", 0.4, "--out", "md").code == 0
    assert egi("data", "import", "md", "--out", "md.h5").code == 0
    (record,) = Store(tmp_path / "md.h5")
    assert record.trajectories.shape == (16, 50, 15, 3) and record.frame_ps == pytest.approx(0.4)
    _, replicas, meta = read_molecule_folder(tmp_path / "md" / "butanol")
    assert meta["engine"] == "lanes" and len(replicas) == 16
    frames = np.stack([replica.positions for replica in replicas])
    wanted = measured_times(Record("m", record.molecule, trajectories=frames, frame_ps=0.4))
    np.testing.assert_allclose(measured_times(record), wanted, rtol=1e-5)
    assert egi("data", "torsion-times", "md.h5", "--out", "times.json", "--held-out", 0).code == 0
    text = (tmp_path / "times.json").read_text()
    assert json.loads(text)["measured_on"]["torsions"] == len(wanted) == 2
    assert FASTEST_PS <= read_times(text).of_bond(record.molecule.heavy_mol, 1, 2) <= SLOWEST_PS

    (tmp_path / "in.smi").write_text("CCCCO butanol\n")
    short = ("--ps", 4, "--save-ps", 0.4)
    assert egi("data", "thermal-md", "in.smi", "--out", "thermal", *short).code == 0
    assert egi("data", "thermal", "thermal", "--out", "thermal.h5").code == 0
    (record,) = Store(tmp_path / "thermal.h5")
    assert record.trajectories.shape == (16, 10, 15, 3)
    assert egi("data", "torsion-times", "thermal.h5", "--out", "thermal.json", "--held-out", 0).code == 0
