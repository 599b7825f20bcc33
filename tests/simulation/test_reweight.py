"""All rungs of an exchange for one temperature: populations and errors where both are known."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest

from tests.builders.lanes import crossed_barrier, share_near_zero, wanted_near_zero
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.engines.base import SimulationError
    from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN
    from eginterpolator.simulation.engines.lanes.exchange import ExchangeFrames
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.reweight import (
        TorsionWell,
        boltzmann_weights,
        jackknife,
        torsion_populations,
        write_reweighted,
    )

    lanes_here = pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")


def rungs(angles: np.ndarray, replicas: np.ndarray, energies: np.ndarray | None = None) -> ExchangeFrames:
    """An exchange from 300 to 600 K of four atoms with the torsion `angles` [W, T], radians."""
    zero = np.zeros_like(angles)
    points = [(zero + 1, zero + 1, zero), (zero + 1, zero, zero), (zero, zero, zero)]
    points.append((zero, np.cos(angles), np.sin(angles)))
    positions = np.stack([np.stack(point, axis=-1) for point in points], axis=2).astype(np.float32)
    kelvin = np.geomspace(300.0, 600.0, len(angles))
    potential = np.zeros_like(angles) if energies is None else energies
    return ExchangeFrames(kelvin, positions, potential, replicas, np.ones(len(angles) - 1), 0, positions[:, 0], 0.0)


def harmonic(n_frames: int, freedom: int = 40) -> ExchangeFrames:
    """Energies of `freedom` harmonic coordinates at every rung, each frame independent of all others."""
    random = np.random.default_rng(3)
    kelvin = np.geomspace(300.0, 600.0, 8)
    energies = np.stack([random.gamma(freedom / 2, BOLTZMANN * T, n_frames) for T in kelvin])
    replicas = np.broadcast_to(np.arange(8)[:, None], energies.shape)
    return rungs(np.zeros_like(energies), replicas, energies)


@pytest.mark.parametrize("kelvin", [300.0, 350.0, 500.0])
def test_the_energy_at_any_temperature_of_the_ladder(kelvin):
    made = harmonic(4000)
    weights = boltzmann_weights(made, kelvin)
    assert weights.shape == (8, 4000) and weights.sum() == pytest.approx(1.0)
    effective = 1 / (weights**2).sum()
    sd = 20**0.5 * BOLTZMANN * kelvin
    assert effective > 8000  # twice what one rung has
    assert (weights * made.potential_kj).sum() == pytest.approx(20 * BOLTZMANN * kelvin, abs=4 * sd / effective**0.5)


def test_more_frames_than_the_equations_take_all_have_weights(monkeypatch):
    made = harmonic(2000)
    whole = boltzmann_weights(made, 300.0)
    monkeypatch.setattr("eginterpolator.simulation.reweight.MOST_FRAMES", 700)
    np.testing.assert_allclose(boltzmann_weights(made, 300.0), whole, rtol=0.05)


@lanes_here
def test_populations_of_a_known_torsion_lie_within_their_errors():
    crossed = crossed_barrier()
    wells = torsion_populations(Molecule.from_smiles("CCCC"), crossed)
    assert len(wells) == 2 and sum(well.share for well in wells) == pytest.approx(1.0)
    near = next(well for well in wells if well.start_degrees < 0 < well.end_degrees)
    assert abs(near.start_degrees + 90) < 15 and abs(near.end_degrees - 90) < 15
    assert 0.005 < near.error < 0.05
    assert near.share == pytest.approx(wanted_near_zero(300.0), abs=3 * near.error)
    assert near.cold_share == pytest.approx(share_near_zero(crossed.positions[0]), abs=0.02)
    assert near.atoms == (0, 1, 2, 3)


def test_replicas_that_stay_in_their_wells_make_the_error_large():
    """Eight replicas, three of them in the second well all the time; blocks of time would all have the same shares."""
    random = np.random.default_rng(0)
    replicas = np.stack([random.permutation(8) for _ in range(400)], axis=1)
    angles = np.where(replicas < 3, np.pi, np.pi / 3) + 0.1 * random.standard_normal(replicas.shape)
    second = torsion_populations(Molecule.from_smiles("CCCC"), rungs(angles, replicas))
    well = min(second, key=lambda each: abs(each.share - 3 / 8))
    assert well.share == pytest.approx(3 / 8) and well.error == pytest.approx((3 * 5 / 64 / 7) ** 0.5, rel=1e-3)


def test_a_torsion_with_one_well_is_there_all_the_time():
    replicas = np.broadcast_to(np.arange(4)[:, None], (4, 50))
    (well,) = torsion_populations(Molecule.from_smiles("CCCC"), rungs(np.full((4, 50), 1.0), replicas))
    assert (well.start_degrees, well.end_degrees, well.share, well.cold_share) == (-180.0, 180.0, 1.0, 1.0)
    assert torsion_populations(Molecule.from_smiles("CCO"), rungs(np.zeros((4, 50)), replicas)) == []


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(1).normal(size=30)
    share, error = jackknife(np.repeat(values, 5), np.ones(150), np.repeat(np.arange(30), 5))
    assert share == pytest.approx(values.mean()) and error == pytest.approx(values.std(ddof=1) / 30**0.5)
    assert np.isnan(jackknife(values, np.ones(30), np.zeros(30, dtype=int))[1])


def test_rungs_that_cannot_be_reweighted_and_a_missing_package_are_one_sentence(monkeypatch):
    made = rungs(np.zeros((4, 5)), np.zeros((4, 5), dtype=int), np.full((4, 5), np.nan))
    with pytest.raises(SimulationError, match="cannot be reweighted"):
        boltzmann_weights(made, 300.0)
    monkeypatch.setitem(sys.modules, "pymbar", None)
    with pytest.raises(InputError, match="pip install"):
        boltzmann_weights(made, 300.0)


def test_importing_pymbar_says_nothing(capfd):
    boltzmann_weights(harmonic(20), 300.0)
    assert capfd.readouterr() == ("", "") and logging.getLogger("pymbar").level == logging.ERROR


def test_the_table(tmp_path):
    write_reweighted(tmp_path / "p.csv", [TorsionWell((0, 1, 2, 3), -90.0, 90.04, 0.25, 0.0125, 0.3)])
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "atoms,start_degrees,end_degrees,share,error,cold_share", "0-1-2-3,-90.0,90.0,0.25000,0.01250,0.30000",
    ]  # fmt: skip
