"""Which way to a trajectory: by what can be made at all, by speed, by what is known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.generation import plan as planning
from eginterpolator.generation.plan import KNOWN, expected, first_pilot, plan, sooner_by_md
from eginterpolator.generation.speed import Pilot
from eginterpolator.generation.tasks import GenerationConfig
from eginterpolator.models.choice import Models
from eginterpolator.models.registry import load_model
from tests.builders import ROOT

PROPANOL = Molecule.from_smiles("CCCO", "propanol")


@pytest.fixture
def models(tiny):
    return Models.of(tiny)


@pytest.fixture
def md(monkeypatch):
    """Simulations take as many seconds as `md["seconds"]` says, by `md["engine"]`; none where that is None. There is no
    clock."""
    said = {"seconds": 10.0, "engine": "lanes"}

    def seconds(protocol, n_atoms, replicas, ns):
        said["asked"] = (protocol, n_atoms, replicas, ns)
        return None if said["seconds"] is None else (said["engine"], said["seconds"])

    monkeypatch.setattr(planning, "simulation_seconds", seconds)
    monkeypatch.setattr(planning, "clock_is_here", lambda n_atoms: False)
    return said


def test_the_sooner_way_with_its_command(models, md):
    md["seconds"] = 1e-3
    found = plan(PROPANOL, models, frames=100, samples=2)
    assert found.best == "simulation" and "is sooner" in found.reason
    assert md["asked"] == ("implicit", 12, 2, pytest.approx(0.52))
    assert found.way.command == "egi simulate CCCO --protocol implicit --replicas 2 --ns 0.52 --save-ps 5.2"
    md["seconds"] = 1e6
    found = plan(PROPANOL, models, frames=100, samples=2, source="mine.sdf")
    assert found.best == "network"
    assert found.way.command == f"egi generate mine.sdf --frames 100 --samples 2 --model {models.models[0].name}"
    assert json.loads(json.dumps(found.to_dict()))["command"] == found.way.command


def test_networks_make_their_own_spacing_in_implicit_water_only(models, md):
    thinned = plan(PROPANOL, models, frames=100, frame_ps=15.6)
    assert (
        "--frames 300" in thinned.network.command and "egi convert trajectories --frames ::3" in thinned.network.command
    )
    assert "--clock" not in thinned.network.command
    fine = plan(PROPANOL, models, frame_ps=0.4)
    assert fine.network.seconds is None and "5.2 ps apart, which do not make 0.4 ps" in fine.network.why
    dry = plan(PROPANOL, models, solvent="vacuum")
    assert dry.best == "simulation" and "not on vacuum" in dry.reason and md["asked"][0] == "vacuum"


def test_a_clock_is_measured_where_one_is_possible(models, md, monkeypatch):
    monkeypatch.setattr(planning, "clock_is_here", lambda n_atoms: True)
    far = plan(PROPANOL, models, frames=500, frame_ps=1000.0, samples=2).network
    assert far.command.endswith(f"--frames 500 --samples 2 --model {models.models[0].name} --frame-ps 1000")
    odd = plan(PROPANOL, models, frames=500, frame_ps=7.0).network  # no multiple of 5.2
    assert "--frame-ps 7" in odd.command and odd.seconds > 3
    assert "--frame-ps" not in plan(PROPANOL, models).network.command
    monkeypatch.setattr(planning, "clock_is_here", lambda n_atoms: False)
    assert "do not make 7 ps" in plan(PROPANOL, models, frames=500, frame_ps=7.0).network.why


def test_what_no_model_fits_and_what_cannot_be_simulated(models, md):
    large = plan(Molecule.from_smiles("C" * 20), models)
    assert large.best == "simulation" and "does not fit" in large.reason
    md["seconds"] = None
    assert plan(PROPANOL, models).best == "network"
    none = plan(Molecule.from_smiles("C" * 20), models)
    assert none.best is None and none.way is None and none.reason.startswith("neither can be taken")


def test_a_molecule_that_is_new_to_the_model_is_simulated_where_lanes_can(models, md, monkeypatch):
    md["seconds"] = 1e4
    choose = Models.choose

    def warned(self, molecule, force=False):
        choice = choose(self, molecule, force)
        choice.warnings.append("never seen.")
        return choice

    monkeypatch.setattr(Models, "choose", warned)
    found = plan(PROPANOL, models)
    assert found.best == "simulation" and "is new to" in found.reason and found.network.warnings == ["never seen."]
    md["engine"] = "openmm"
    assert plan(PROPANOL, models, solvent="explicit").best == "network"


def test_a_busy_machine_slows_both_ways(models, md):
    quiet, busy = plan(PROPANOL, models, pilot=Pilot(2.0, 1.0)), plan(PROPANOL, models, pilot=Pilot(8.0, 4.0))
    assert busy.simulation.seconds == pytest.approx(4 * quiet.simulation.seconds)
    assert busy.network.seconds == pytest.approx(4 * quiet.network.seconds)
    assert first_pilot(models, [Molecule.from_smiles("C" * 20), PROPANOL]) is not None
    assert first_pilot(models, [Molecule.from_smiles("C" * 20)]) is None


def test_solvents_and_temperatures_are_in_the_commands(md, structures_folder, tiny, monkeypatch):
    broad = replace(tiny, config={**tiny.config, "limits": load_model(structures_folder).config["limits"]})
    md["seconds"] = 1e6
    found = plan(PROPANOL, Models([broad]), frames=100, solvent="none", temperature_K=400.0)
    assert "egi generate CCCO --solvent none --temperature 400 --frames 100" in found.network.command
    assert "egi simulate CCCO --temperature 400 --protocol vacuum" in found.simulation.command
    monkeypatch.setattr(planning, "clock_is_here", lambda n_atoms: True)
    clocked = plan(PROPANOL, Models([load_model(structures_folder)]), frames=100)
    assert "--frames 100" in clocked.network.command and clocked.network.seconds is not None
    monkeypatch.setattr(planning, "clock_is_here", lambda n_atoms: False)
    alone = plan(PROPANOL, Models([load_model(structures_folder)]))
    assert alone.best == "simulation" and "independent frames" in alone.network.why


def test_numbers_that_make_no_trajectory(models):
    for bad in ({"frames": 0}, {"samples": 0}, {"frame_ps": 0.0}, {"frame_ps": float("nan")}):
        with pytest.raises(InputError, match="must be positive numbers"):
            plan(PROPANOL, models, **bad)
    with pytest.raises(InputError, match="use water, implicit, none"):
        plan(PROPANOL, models, solvent="octanol")


def test_expected_seconds_of_a_list(models):
    other = Molecule.from_smiles("C" * 20, "large")
    found = expected(models, [PROPANOL, other], GenerationConfig(n_frames=64), False)
    assert found["propanol"] > 0 and found["large"] == 0


def test_a_clocks_seconds_are_expected(models, monkeypatch):
    config = GenerationConfig(n_frames=100, clock="measured", clock_seconds=40.0)
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    monkeypatch.setattr("eginterpolator.simulation.engines.lanes.library.widths", lambda: (16,))
    found = [
        expected(models, [PROPANOL], each, False)["propanol"] for each in (config, replace(config, clock_seconds=3.0))
    ]
    assert found[0] - found[1] == pytest.approx(37.0)


def test_a_line_where_md_would_have_been_sooner(md):
    config = GenerationConfig(n_frames=500, n_samples=4)
    two = [PROPANOL, Molecule.from_smiles("CCO", "ethanol")]
    line = sooner_by_md(two, {"propanol": 30.0, "ethanol": 30.0}, config, 5.2)
    assert line == (
        "MD in implicit solvent gives as many frames sooner (about 17 s, not 60): "
        "egi simulate INPUT --replicas 4 --ns 2.6 --save-ps 5.2"
    )
    assert sooner_by_md(two, {"propanol": 5.0, "ethanol": 5.0}, config, 5.2) is None
    assert sooner_by_md(two, {}, config, 5.2) is None
    md["engine"] = "openmm"
    assert sooner_by_md(two, {"propanol": 30.0}, config, 5.2) is None


@pytest.mark.parametrize("part, model", [("held_out_qm9", "qm9-obc2"), ("held_out_drugs", "drugs-obc2")])
def test_what_is_known_of_a_model_is_what_was_measured(part, model):
    judged = json.loads((ROOT / "benchmarks/results/judged.json").read_text())["sets"][part]["ours"][model]
    for side in (judged["generated"], judged["oracle"]):
        jsd, within = side["torsion"]["mean"], side["torsion_times"]["within_factor_two"]["mean"]
        assert f" {jsd:.3f}".replace(" 0.", " .") in KNOWN[model] and f" {100 * within:.0f} %" in KNOWN[model]
    assert f"on {judged['generated']['molecules']} held-out" in KNOWN[model]
