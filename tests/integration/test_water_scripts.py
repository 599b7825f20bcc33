"""Packing of explicit water, the calibration of friction, and how far implicit MD is from water: what they count."""

from __future__ import annotations

import json
import shutil
import sys

import h5py
import numpy as np
import pytest

import friction
import pack_water
import water_gap
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.readers.water import read_group
from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Reference
from eginterpolator.evaluation.leave_one_out import leave_one_out
from eginterpolator.evaluation.published_protocol.torsion_list import published_torsions
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol, ImplicitProtocol
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, walk
from water.pace import Water, compared, counts, environment, grouped, hydrogen_bond, logs_of, read_water
from water.ratios import Ratios, left_out, rows_of, told
from water.tail import dispersion_tail

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


def test_test_references_are_published_test_molecules_and_no_others(call, tmp_path):
    write_water(tmp_path / "all" / "other")
    write_water(tmp_path / "all" / "one", smiles="C#C[C@H](C)O[C@@H](C)CO")
    call(pack_water, "all", "--test", "--out", "test.h5")
    manifest = json.loads((tmp_path / "test.json").read_text())
    assert list(manifest["molecules"]) == ["one"] and manifest["use"].startswith("test references")
    assert manifest["left_out"] == {"other": "in none of the published test lists"}


def test_nothing_to_pack_is_said(call, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to pack"):
        call(pack_water, "empty", "--out", "packed.h5")
    with pytest.raises(InputError, match="no folder or file 'missing'"):
        call(pack_water, "missing", "--out", "packed.h5")
    assert not (tmp_path / "packed.h5").exists()


def jumping(n_replicas, n_frames, leave, seed=0):
    """A torsion that changes its well, one of two, with the probability `leave` a frame: angles [T, 1] each."""
    random = np.random.default_rng(seed)
    starts = np.arange(n_replicas)[:, None]
    wells = (starts + np.cumsum(random.random((n_replicas, n_frames)) < leave, axis=1)) % 2
    return list((np.where(wells, 1.2, -1.2) + random.normal(0, 0.1, wells.shape))[..., None])


def test_groups_as_long_as_water_give_its_time_and_stuck_ones_a_bound():
    water, lanes = jumping(4, 1000, 0.03), jumping(17, 1000, 0.06, seed=1)
    logs, counted = counts(water, 1.3)
    exact = 1.3 / -np.log(1 - 2 * 0.03)  # how a symmetric two-state chain forgets
    assert counted.tolist() == [True] and abs(logs[0] - np.log(exact)) < 0.25
    groups = grouped(lanes, 4)
    assert [len(group) for group in groups] == [4] * 4
    ours, bound = logs_of(groups, 1.3)
    assert abs(ours[0] - logs[0] - np.log(0.49)) < 0.25 and not bound[0]
    stuck, bound = logs_of([jumping(4, 100, 0.001)] * 2, 1.3)
    assert bound.tolist() == [True] and stuck[0] == pytest.approx(np.log(50 * 1.3))
    assert not counts(jumping(4, 1000, 0.3), 1.3)[1][0] and not counts(jumping(4, 1000, 0.0005), 1.3)[1][0]


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCCCC", {"alkyl"}),
        ("CCOCC", {"polar chain"}),
        ("CCCC#N", {"polar chain"}),
        ("CC(=O)NC(C)C", {"amide or ester", "polar chain"}),
        ("CC(=O)OC", {"amide or ester"}),
        ("CCCc1ccccc1", {"aryl end", "alkyl"}),
        ("COc1ccccc1", {"polar chain"}),
        ("C1CCCC1", {"ring"}),
    ],
)
def test_environments_of_bonds(smiles, expected):
    molecule = Molecule.from_smiles(smiles)
    assert {environment(molecule.heavy_mol, q) for q in published_torsions(molecule)} == expected


def test_a_hydrogen_bond_is_one_of_the_molecule_itself():
    molecule, frames = embedded("OCCCCO", 40)
    ends = [int(i) for i in molecule.heavy_mol.GetSubstructMatches(molecule.heavy_mol)[0] if i in (0, 5)]
    apart = np.linalg.norm(frames[:, ends[0]] - frames[:, ends[1]], axis=1)
    assert hydrogen_bond(molecule, [frames[[apart.argmin()]]]) and not hydrogen_bond(
        molecule, [frames[[apart.argmax()]]]
    )


def test_shares_and_medians_of_ratios_by_hand():
    found = Ratios.of([(1.0, False, 0), (0.25, False, 0), (1.9, False, 1), (3.0, True, 1)]).summary()
    assert (found["torsions"], found["molecules"], found["bounds"]) == (4, 2, 1)
    assert found["within"]["mean"] == pytest.approx(0.5) and found["within"]["mean_95"] == pytest.approx([0.5, 0.5])
    assert found["median_log"]["mean"] == pytest.approx(0.0)
    squares = np.log([1.0, 0.25, 1.9, 3.0]) ** 2
    assert found["rms_log"]["mean"] == pytest.approx(np.sqrt(squares.mean()))
    assert found["rms_log"]["mean_95"][1] == pytest.approx(np.sqrt(squares[:2].mean()))
    assert Ratios.of([]).summary() == {}
    bounds = Ratios.of([(3.0, True, 0), (4.0, True, 1)]).summary()
    assert bounds["median_log"]["mean"] is None and told(bounds["median_log"]) == "? (? to ?)"
    assert told(found["within"]) == "0.50 (0.50 to 0.50)" and bounds["within"]["mean"] == 0


def of_pace(environments, times):
    """A molecule's result where a torsion of an environment has a ratio at each friction."""
    return {
        "torsions": [{"environment": name, "water_ps": 20.0, "measured": True} for name in environments],
        "friction": {f: [[times[name][f], False] for name in environments] for f in ("1", "20", "50")},
        "lanes": {}, "water": [], "hydrogen_bond": None,
    }  # fmt: skip


def test_a_friction_by_environment_is_chosen_by_the_other_molecules_only():
    times = {"alkyl": {"1": 1.0, "20": 3.0, "50": 6.0}, "polar chain": {"1": 0.2, "20": 0.7, "50": 1.0}}
    usual = [of_pace(["alkyl", "polar chain", "polar chain", "polar chain"], times) for _ in range(5)]
    odd = of_pace(["alkyl"], {"alkyl": {"1": 9.0, "20": 8.0, "50": 1.0}})
    found = left_out([*usual, odd], ("1", "20", "50"))
    rules = found["rules"]
    assert found["one_number"] == ["20"] * 6 and rules["the product's"]["torsions"] == 21
    # its own molecule would have liked 50/ps: the others chose 1/ps for alkyl, 50 for polar chains
    rows = np.log([*[1.0] * 20, 9.0]) ** 2
    assert rules["by environment"]["rms_log"]["mean"] == pytest.approx(np.sqrt(rows.mean()))
    assert rules["each torsion's own"]["rms_log"]["mean"] == pytest.approx(0.0)
    assert rules["one number"]["more_than_one_number"]["mean"] == 0
    assert rules["by environment"]["more_than_one_number"]["mean"] < 0 < rules["1/ps"]["rms_log"]["mean"]


def made_up_lanes(leave):
    """`pace.Simulated` of walks that leave their conformer more or less often, by friction."""

    def run(water, friction):
        return [walk(FLEXIBLE, len(water.frames[0]), 50 + k, stay=1 - leave[friction]) for k in range(8)]

    return run


def test_a_molecule_is_compared_at_every_friction():
    molecule, _ = embedded(FLEXIBLE)
    frames = [walk(FLEXIBLE, 1500, k, stay=0.92)[:, : molecule.n_heavy] for k in range(4)]
    found = compared(Water(molecule, frames, 1.3), (1.0, 20.0), made_up_lanes({1.0: 0.32, 20.0: 0.08}))
    fast, same = (rows_of([found], "friction", key) for key in ("1", "20"))
    assert len(fast.values) == sum(each["measured"] for each in found["torsions"]) >= 2
    assert (fast.values < 0.5).all() and (np.abs(np.log(same.values)) < np.log(1.6)).all()
    assert len(rows_of([found], "lanes", "20").values) == 2 * len(same.values)
    assert abs(np.log(rows_of([found], "water", "").values)).max() < 1.0 and found["hydrogen_bond"] in (True, False)


def test_the_calibration_takes_no_held_out_molecule_and_measures_only_what_is_new(call, tmp_path, monkeypatch, capsys):
    write_water(tmp_path / "test" / "one", smiles="C#C[C@H](C)O[C@@H](C)CO")
    with pytest.raises(InputError, match="held out by the list published_qm9"):
        call(friction, "test")
    asked = []

    def measured_once(water, frictions):
        asked.append(tuple(frictions))
        return compared(water, frictions, made_up_lanes({f: 0.08 for f in frictions}))

    monkeypatch.setattr(friction, "compared", measured_once)
    molecule, _ = write_water(tmp_path / "water" / "one", n_frames=1000, ns=1.3)
    page = tmp_path / "page.md"
    page.write_text("<!-- friction:start -->\n<!-- friction:end -->\n")
    for value in (1, 1, 50):
        call(friction, "water", "--friction", value, "--results", tmp_path, "--docs", page)
    assert asked == [(), (1.0,), (20.0,), (50.0,)] and [
        w.molecule.smiles for w in read_water([tmp_path / "water"])
    ] == [molecule.smiles]
    table = page.read_text()
    assert "| 20/ps |" in table and "| 50/ps |" in table and "a replica in water against the others" in table
    text = (tmp_path / "friction.md").read_text()
    assert table.splitlines()[1] in text and "## Chosen by the other molecules" in text


def test_a_replica_in_the_place_of_its_like_is_judged_as_the_oracle(call, tmp_path, monkeypatch):
    molecule, _ = embedded(FLEXIBLE)
    replicas = [walk(FLEXIBLE, 200, k) for k in range(3)]
    reference = Reference.of(molecule, replicas, 1.3)
    same, oracle = water_gap.in_the_place(reference, replicas, 1), leave_one_out(reference, replicas, 1)
    assert oracle is not None
    for kind in ("length", "angle", "torsion"):
        np.testing.assert_allclose(same.jsd[kind], oracle.jsd[kind])
    assert (
        same.tica_0 == oracle.tica_0 and len(water_gap.in_the_place(reference, [*replicas] * 2, 1).torsion_times) == 6
    )


@pytest.mark.parametrize("packed", [False, True])
def test_the_gap_is_of_simulations_in_water_and_lanes(call, tmp_path, monkeypatch, packed):
    for name in ("reference", "work/obc2_1", "work/obc2_20"):
        write_water(tmp_path / name / "one", n_frames=400, ns=0.52)
    monkeypatch.setattr(water_gap, "simulate_to_folder", lambda *_, **__: None)
    if packed:
        call(pack_water, "reference", "--out", "packed.h5")
    call(water_gap, "packed.h5" if packed else "reference", "--work", "work", "--results", tmp_path)
    result = json.loads((tmp_path / "water_gap.json").read_text())
    rows = result["rows"]
    nothing = 0.02 if packed else 0  # the small integers of a packed file
    assert (
        rows["OBC2 at 1/ps, all"]["torsion"]["mean"] <= nothing < rows["OBC2 at 1/ps, one replica"]["torsion"]["mean"]
    )
    assert rows["published: its MD oracle, in explicit water"]["torsion"]["mean"] == 0.192
    assert result["minus_oracle"]["OBC2 at 20/ps, one replica"]["torsion"]["at_oracle"] is None  # too few molecules
    assert "1 test molecules" in (tmp_path / "water_gap.md").read_text()


def test_the_tail_beyond_the_cutoff_is_openmms_and_the_engines_differ_by_the_pairs_they_count():
    openmm = pytest.importorskip("openmm", reason="openmm is not installed; make test installs it")
    count, edge = 60, 2.2
    places = np.random.default_rng(0).permutation(216)[:count]
    positions = 0.36 * np.stack(np.unravel_index(places, (6, 6, 6)), axis=1)

    def force(tail):
        made = openmm.NonbondedForce()
        made.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
        made.setCutoffDistance(0.9)
        made.setUseSwitchingFunction(True)
        made.setSwitchingDistance(0.8)
        made.setUseDispersionCorrection(tail)
        for k in range(count):
            made.addParticle(0.0, 0.3 + 0.05 * (k % 2), 0.6 * (k % 3))
        for k in range(0, count, 2):
            made.addException(k, k + 1, 0.0, 0.3, 0.0)
        return made

    energies = []
    for tail in (True, False):
        system = openmm.System()
        system.setDefaultPeriodicBoxVectors(*(edge * np.eye(3)))
        for _ in range(count):
            system.addParticle(1.0)
        system.addForce(force(tail))
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
        context.setPositions(positions)
        energies.append(context.getState(getEnergy=True).getPotentialEnergy()._value)
    tails = dispersion_tail(force(True), edge**3)
    assert tails["OpenMM"] == pytest.approx(energies[0] - energies[1], rel=1e-6)
    assert tails["GROMACS"] != pytest.approx(tails["OpenMM"], rel=1e-3)
