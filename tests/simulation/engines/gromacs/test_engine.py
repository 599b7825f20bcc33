"""The engine: frames of a box of water, and a killed run that goes on with no frame twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import Replica, SimulationError
from eginterpolator.simulation.engines.gromacs import run
from eginterpolator.simulation.engines.gromacs.engine import GROMACS, prepare
from eginterpolator.simulation.engines.gromacs.topology import solute_topology
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers
from tests.builders.networks import CHIRAL
from tests.builders.water import WET, needs_gmx

KILLED = """
import sys
from pathlib import Path
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.gromacs import run
from eginterpolator.simulation.engines.gromacs.engine import GROMACS
from eginterpolator.simulation.starts import start_conformers
from tests.builders.water import WET

run.CHECKPOINT_MINUTES = 0.01
molecule = Molecule.from_smiles("CCO")
for made in GROMACS.replicas(
    molecule, WET, start_conformers(molecule, 1, 1), [5], ns=0.02, save_ps=0.1, threads=1, folders=[Path(sys.argv[1])]
):
    print(type(made).__name__)
"""


def test_it_does_explicit_water_alone():
    molecule = Molecule.from_smiles("CCO")
    assert ENGINES["gromacs"] is GROMACS and GROMACS.objection(molecule, WET) == ""
    assert "implicit" in GROMACS.objection(molecule, ImplicitProtocol())
    with pytest.raises(InputError, match="does not do the protocol 'implicit'"):
        list(GROMACS.replicas(molecule, ImplicitProtocol(), np.zeros((1, 9, 3)), [1], ns=1.0, save_ps=1.0))


@needs_gmx
def test_a_short_run_has_its_frames_energies_and_density():
    molecule = Molecule.from_smiles("CCO")
    starts = start_conformers(molecule, 1, 1)
    (made,) = GROMACS.replicas(molecule, WET, starts, [5], ns=0.002, save_ps=0.4, threads=1)
    assert isinstance(made, Replica), made
    assert made.positions.shape == (5, 9, 3) and np.isfinite(made.positions).all() and made.density_g_ml is not None
    assert (made.potential_kcal < 0).all() and 0.85 < made.density_g_ml[-1] < 1.15 and "GROMACS" in made.platform


def _note(told, *given):
    told.append(given)


@needs_gmx
@pytest.mark.slow
def test_frames_energies_and_density_of_a_charged_and_chiral_molecule():
    for smiles in ("CC[NH3+]", CHIRAL):
        molecule = Molecule.from_smiles(smiles)
        starts = start_conformers(molecule, 2, 1)
        told: list[tuple[int, int, int]] = []
        settings = {"ns": 0.008, "save_ps": 0.4, "on_frame": partial(_note, told)}
        made = list(GROMACS.replicas(molecule, WET, starts, [5, 6], **settings))
        assert all(isinstance(replica, Replica) for replica in made), made
        first, second = made
        assert first.positions.shape == (20, molecule.n_atoms, 3) and first.frame_ps == pytest.approx(0.4)
        assert np.abs(first.positions[-1] - second.positions[-1]).max() > 0.1
        assert abs(first.temperature_K.mean() - 300) < 12 and 0.92 < first.density_g_ml[-5:].mean() < 1.06
        assert (first.potential_kcal < 0).all() and "GROMACS" in first.platform and first.steps_per_second > 0
        assert {given[0] for given in told} == {0, 1} and (0, 20, 20) in told


@needs_gmx
@pytest.mark.slow
def test_a_failure_names_the_molecule_and_what_gmx_said(tmp_path):
    molecule = Molecule.from_smiles("CCO")
    start = start_conformers(molecule, 1, 1)
    prepare(tmp_path, solute_topology(molecule, WET), molecule, WET, start[0], 5)
    text = (tmp_path / "topol.top").read_text()
    (tmp_path / "topol.top").write_text(text.replace("HOH_O 1 HOH O 1", "STEAM 1 HOH O 1"))
    (made,) = GROMACS.replicas(molecule, WET, start, [5], ns=0.004, save_ps=0.4, folders=[tmp_path])
    assert isinstance(made, SimulationError) and str(made).startswith("CCO: gmx grompp failed")
    assert "STEAM" in str(made)


@needs_gmx
@pytest.mark.slow
def test_a_run_killed_in_production_ends_with_the_same_frames_none_twice(tmp_path, monkeypatch):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (os.getcwd(), *sys.path) if path)}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=environment)
    log, checkpoint = tmp_path / run.LOG, tmp_path / "prod.cpt"
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        if checkpoint.is_file() and (run.last_step(log) or 0) > 1000:
            break
        time.sleep(0.05)
    pid = int((tmp_path / "gmx.pid").read_text())
    process.send_signal(signal.SIGKILL)  # Python first: gmx is left alone
    process.wait()
    os.kill(pid, signal.SIGKILL)
    assert checkpoint.is_file() and not (tmp_path / "prod.gro").exists()
    molecule = Molecule.from_smiles("CCO")
    (made,) = GROMACS.replicas(
        molecule, WET, start_conformers(molecule, 1, 1), [5], ns=0.02, save_ps=0.1, threads=1, folders=[tmp_path]
    )
    assert isinstance(made, Replica), made
    assert "Restarting from checkpoint" in (tmp_path / "prod.log").read_text()
    assert made.positions.shape == (200, 9, 3) and made.potential_kcal.shape == (200,)
    steps = np.abs(np.diff(made.positions, axis=0)).max(axis=(1, 2))
    assert (steps > 0).all()  # no frame is there twice
    (again,) = GROMACS.replicas(
        molecule, WET, start_conformers(molecule, 1, 1), [5], ns=0.02, save_ps=0.1, threads=1,
        folders=[tmp_path / "anew"],
    )  # fmt: skip
    assert isinstance(again, Replica), again
    first, second = (x.positions[:5] - x.positions[:5].mean(axis=1, keepdims=True) for x in (made, again))
    np.testing.assert_allclose(first, second, atol=0.02)  # equal seeds, equal trajectories, killed or not
