"""Molecular dynamics: a few picoseconds are sane, and runs that blow up fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers
from tests.builders.networks import CHIRAL
from tests.builders.simulation import SHORT, needs_md


@needs_md
def test_a_few_picoseconds_of_ethanol_are_sane_and_reproducible() -> None:
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CCO")
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, SHORT)
    first, again, other = (run_replica(molecule, system, SHORT, ns=0.02, save_ps=0.1, seed=seed) for seed in (1, 1, 2))
    assert first.positions.shape == (200, 9, 3) and first.positions.dtype == np.float32
    assert first.frame_ps == pytest.approx(0.1) and first.platform == "Reference" and first.density_g_ml is None
    np.testing.assert_array_equal(first.positions, again.positions)
    assert np.abs(first.positions - other.positions).max() > 0.1
    bonds = np.linalg.norm(first.positions[:, [0, 1]] - first.positions[:, [1, 2]], axis=-1).mean(axis=0)
    np.testing.assert_allclose(bonds, [1.53, 1.43], atol=0.04)
    hydrogen = np.linalg.norm(first.positions[:, 2] - first.positions[:, 8], axis=-1)
    assert np.ptp(hydrogen) < 1e-3 and 0.9 < hydrogen.mean() < 1.05  # constrained
    # 20 ps of 20 degrees of freedom at 1/ps of friction: the mean of the two runs has a standard error of about 20 K
    assert abs(np.mean([first.temperature_K, other.temperature_K]) - 300.0) < 60.0
    assert np.isfinite(first.potential_kcal).all() and np.ptp(first.potential_kcal) > 1.0


@needs_md
def test_a_run_that_blows_up_or_loses_its_stereo_fails_loudly() -> None:
    from eginterpolator.simulation.engines.base import SimulationError
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles(CHIRAL)
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, SHORT)
    with pytest.raises(SimulationError, match="stereo"):
        run_replica(molecule, replace(system, positions=start * [1, 1, -1]), SHORT, ns=0.001, save_ps=0.1)
    hot = ImplicitProtocol(temperature_K=30_000.0, equilibration_ps=0.0)
    with pytest.raises(SimulationError):
        run_replica(molecule, system, hot, ns=0.01, save_ps=0.1)


@needs_md
def test_replicas_without_a_box_are_parametrised_once(monkeypatch) -> None:
    from eginterpolator.simulation.engines import openmm
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CCO")
    starts = start_conformers(molecule, 1)[[0, 0]] + np.array([0.0, 5.0])[:, None, None]
    built = []
    monkeypatch.setattr(openmm, "build_system", lambda *args: built.append(args) or build_system(*args))
    options = {"ns": 0.001, "save_ps": 0.1}
    both = list(openmm.OPENMM.replicas(molecule, SHORT, starts, [1, 2], **options))
    assert len(built) == 1
    for k, replica in enumerate(both):  # each from its own start
        system = build_system(molecule, starts[k], SHORT)
        alone = openmm.run_replica(molecule, system, SHORT, seed=k + 1, **options)
        np.testing.assert_array_equal(replica.positions, alone.positions)
