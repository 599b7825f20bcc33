"""The engine behind `egi simulate`: chosen where it can run, and checked like OpenMM's replicas."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from tests.builders.simulation import MISSING, SHORT, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.api import simulate, simulate_to_folder
    from eginterpolator.simulation.engines.base import SimulationError
    from eginterpolator.simulation.engines.choice import choose_engine
    from eginterpolator.simulation.engines.lanes import replicas as module
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.protocol import ExplicitProtocol, VacuumProtocol

    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]


def test_implicit_solvent_and_vacuum_run_in_lanes_and_water_does_not():
    molecule = Molecule.from_smiles("CCO")
    assert choose_engine("auto", molecule, SHORT).name == "lanes"
    assert choose_engine("auto", molecule, VacuumProtocol()).name == "lanes"
    assert choose_engine("auto", molecule, ExplicitProtocol()).name in ("openmm", "gromacs")
    assert choose_engine("auto", molecule, SHORT, platform="CPU").name == "openmm"
    assert choose_engine("auto", Molecule.from_smiles("C" * 60), SHORT).name == "openmm"


def test_without_a_compiler_openmm_takes_it_and_says_so(monkeypatch, caplog):
    def missing(platform):
        raise InputError("There is no C++ compiler 'g++'.")

    monkeypatch.setattr(module.LANES, "check", missing)
    with caplog.at_level(logging.INFO):
        assert choose_engine("auto", Molecule.from_smiles("CCO"), SHORT).name == "openmm"
    assert "OpenMM takes the molecules, since lanes cannot: There is no C++ compiler" in caplog.text


def test_a_system_that_lanes_do_not_know_goes_to_openmm_and_says_so(monkeypatch, caplog):
    from eginterpolator.simulation.engines.base import Unsupported

    def refuse(molecule, protocol):
        raise Unsupported("it has a force of the kind X")

    monkeypatch.setattr(module, "molecule_lanes", refuse)
    (made,) = simulate("CCO", SHORT, replicas=1, ns=0.001, save_ps=0.1)
    assert made.meta["platform"] == "Reference" and "since lanes cannot: it has a force of the kind X" in caplog.text
    with pytest.raises(InputError, match="'lanes' cannot run 'molecule': it has a force"):
        simulate("CCO", SHORT, replicas=1, ns=0.001, save_ps=0.1, engine="lanes")


def test_a_folder_has_sixteen_replicas_and_names_its_engine(tmp_path):
    meta = simulate_to_folder(Molecule.from_smiles("CCO", "ethanol"), tmp_path, SHORT, ns=0.001, save_ps=0.1)
    assert meta["replicas"] == 16 and meta["engine"] == "lanes" and meta["platform"].endswith("lanes")
    assert len(list((tmp_path / "ethanol").glob("trajectory_*.xtc"))) == 16
    again = simulate_to_folder(Molecule.from_smiles("CCO", "ethanol"), tmp_path, SHORT, ns=0.001, save_ps=0.1)
    assert again["resumed"]


def test_finished_replicas_are_not_run_again(tmp_path, monkeypatch):
    molecule, settings = Molecule.from_smiles("CCO", "ethanol"), {"ns": 0.001, "save_ps": 0.1, "replicas": 3}

    def broken(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("eginterpolator.simulation.api.write_molecule_folder", broken)
    with pytest.raises(KeyboardInterrupt):
        simulate_to_folder(molecule, tmp_path, SHORT, **settings)
    monkeypatch.undo()
    kept = sorted(tmp_path.glob(".ethanol.replicas-*/replica_*.npz"))
    assert len(kept) == 3
    before = np.load(kept[0])["positions"]
    kept[2].unlink()
    monkeypatch.setattr(module, "run_lanes", lambda *a, run=module.run_lanes, **k: counted(run(*a, **k)))
    counts = []

    def counted(made):
        counts.append(len(made.positions))
        return made

    simulate_to_folder(molecule, tmp_path, SHORT, **settings)
    assert counts == [1]
    assert np.isfinite(before).all()


@pytest.mark.parametrize("spoil", ["nan", "bond"])
def test_a_replica_that_goes_wrong_is_an_error(monkeypatch, spoil):
    run = module.run_lanes

    def broken(*arguments, **options):
        made = run(*arguments, **options)
        made.positions[1, 2] *= np.nan if spoil == "nan" else 2.0
        return made

    monkeypatch.setattr(module, "run_lanes", broken)
    message = "not finite in frame 2 of replica 1" if spoil == "nan" else "grew past 1.3"
    with pytest.raises(SimulationError, match=message):
        simulate("CCO", SHORT, replicas=2, ns=0.001, save_ps=0.1)
