"""Thermalised frames: warm, where they were, in their wells, and counted where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation.thermalise import (
    ThermaliseSettings,
    _left_wells,
    thermalise_frames,
    thermalise_trajectories,
)
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.simulation.engines.lanes.library import widths

    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]

SMILES = "CC[C@H](O)C#CCOC"


def frames(n: int, noise: float = 0.02) -> np.ndarray:
    """ETKDG's structure with some noise, each frame somewhere else, float32 [n, 21, 3]."""
    random = np.random.default_rng(0)
    x = geometry(SMILES)[None] + noise * random.standard_normal((n, 21, 3)) + 5.0 * random.standard_normal((n, 1, 3))
    return x.astype(np.float32)


def test_frames_are_warm_and_stay_where_they_were():
    before = frames(48)
    made = thermalise_frames(molecule(SMILES), before, ThermaliseSettings(), seed=1)
    assert made.positions.shape == before.shape and made.positions.dtype == np.float32
    assert made.temperature_K == pytest.approx(300.0, abs=25.0)
    assert np.abs(made.positions.mean(axis=1) - before.mean(axis=1)).max() < 0.5
    moved = np.linalg.norm(made.positions - before, axis=-1)
    assert 0.05 < moved.mean() < 1.0
    assert np.isfinite(made.potential_kcal).all() and made.potential_kcal.std() > 1.0
    assert not made.failed.any() and not made.stereo_changed.any()


def test_a_seed_gives_the_same_bytes():
    first, second, other = (
        thermalise_frames(molecule(SMILES), frames(4), ThermaliseSettings(ps=0.1), seed).positions for seed in (1, 1, 2)
    )
    assert first.tobytes() == second.tobytes() and np.abs(first - other).max() > 0.01


def test_frames_that_are_not_finite_are_one_sentence():
    before = frames(3)
    before[1, 4, 0] = np.nan
    with pytest.raises(InputError, match="coordinates that are not finite"):
        thermalise_frames(molecule(SMILES), before, ThermaliseSettings(ps=0.1), seed=1)


def test_a_frame_that_comes_apart_is_tried_again_then_left_as_it_came_and_counted(monkeypatch):
    from eginterpolator.generation import thermalise as module

    run, tries = module.run_lanes, []

    def broken(system, starts, settings, seeds, **options):
        """The third frame comes apart in the first try, and the fourth in both."""
        made = run(system, starts, settings, seeds, **options)
        made.positions[[2, 3] if not tries else [1]] = np.nan
        tries.append((len(starts), settings.cold_steps, list(seeds)))
        return made

    monkeypatch.setattr(module, "run_lanes", broken)
    before = frames(5)
    made = thermalise_frames(molecule(SMILES), before, ThermaliseSettings(ps=0.1))
    assert [try_[:2] for try_ in tries] == [(5, 20), (2, module.LONG_COLD_STEPS)] and tries[1][2] == tries[0][2][2:4]
    assert made.failed.tolist() == [False, False, False, True, False]
    np.testing.assert_array_equal(made.positions[3], before[3])
    assert np.isnan(made.potential_kcal[3]) and np.isfinite(made.potential_kcal[:3]).all()
    assert np.abs(made.positions[2].mean(axis=0) - before[2].mean(axis=0)).max() < 0.5


def test_atoms_on_top_of_each_other_are_pulled_apart():
    """A hydrogen where its carbon is: with twenty damped steps alone, three of these frames come apart."""
    before = frames(32, 0.0)
    before[:, 20] = before[:, 8] + np.random.default_rng(2).normal(0, 0.01, (32, 3))
    made = thermalise_frames(molecule(SMILES), before, ThermaliseSettings(), seed=1)
    assert not made.failed.any() and made.potential_kcal.max() < 60.0


def test_given_frames_stay_and_the_facts_are_told():
    alcohol = molecule(SMILES)
    trajectories = [Trajectory(alcohol, frames(5), 5.2, {"sample": k}) for k in range(2)]
    made = thermalise_trajectories(trajectories, ThermaliseSettings(ps=0.1), given=[0])
    for before, after in zip(trajectories, made, strict=True):
        np.testing.assert_array_equal(after.positions[0], before.positions[0])
        assert np.abs(after.positions[1:] - before.positions[1:]).max() > 0.05
        facts = after.meta["thermalised"]
        assert facts["frames"] == 4 and facts["failed"] == 0 and facts["ps"] == 0.1
        assert np.isnan(after.meta["potential_kcal"][0]) and np.isfinite(after.meta["potential_kcal"][1:]).all()
        assert after.meta["sample"] == before.meta["sample"]


def test_a_torsion_that_leaves_its_well_is_seen():
    """Two wells of one torsion; one of the frames changes from the first to the second."""
    butane = Molecule.from_smiles("CCCC")
    random = np.random.default_rng(1)

    def turned(degrees: np.ndarray) -> np.ndarray:
        phi = np.radians(degrees + 4 * random.standard_normal(len(degrees)))
        zero = np.zeros_like(phi)
        points = [(zero + 1.0, zero + 1.0, zero), (zero + 1.0, zero, zero), (zero, zero, zero),
                  (zero, np.cos(phi), np.sin(phi))]  # fmt: skip
        return np.stack([np.stack(point, axis=-1) for point in points], axis=1)

    first = np.where(np.arange(200) < 100, 60.0, 180.0)
    then = first.copy()
    then[7] = 180.0
    assert np.flatnonzero(_left_wells(butane, turned(first), turned(then))).tolist() == [7]


@pytest.mark.parametrize("ps", [0.0, -1.0, 1.5, float("nan")])
def test_more_than_a_picosecond_is_a_simulation(ps):
    with pytest.raises(InputError, match="at most 1 ps"):
        ThermaliseSettings(ps=ps)


def test_without_hydrogens_there_is_nothing_to_thermalise():
    with pytest.raises(InputError, match="all 21 atoms"):
        thermalise_frames(molecule(SMILES), frames(2)[:, :8], ThermaliseSettings())


def test_the_task_thermalises_and_judges_again(tiny):
    from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories

    config = GenerationConfig(n_frames=4, n_samples=2, seed=1, strength=0.0)
    plain = generate_trajectories(tiny, molecule("CCO"), config)
    warm = generate_trajectories(tiny, molecule("CCO"), replace(config, thermalise_ps=0.1))
    assert warm[0].meta["thermalised"]["frames"] == 4 and "thermalised" not in plain[0].meta
    assert np.abs(plain[0].positions - warm[0].positions).max() > 0.01
    with pytest.raises(InputError, match="leave --no-hydrogens away"):
        replace(config, thermalise_ps=0.5, hydrogens=False)


def test_a_folder_has_the_energies_of_its_frames(tiny, tmp_path):
    import json

    from eginterpolator.generation.runs import run_generation
    from eginterpolator.generation.tasks import GenerationConfig

    config = GenerationConfig(n_frames=3, n_samples=2, seed=1, strength=0.0, thermalise_ps=0.1)
    run_generation(tiny, [Molecule.from_smiles("CCO", "ethanol")], tmp_path, config)
    lines = (tmp_path / "ethanol" / "energies_001.csv").read_text().splitlines()
    assert lines[0] == "time_ps,potential_kcal" and len(lines) == 4 and lines[2].startswith("5.2000,")
    meta = json.loads((tmp_path / "ethanol" / "meta.json").read_text())
    assert meta["thermalised"]["frames"] == 6 and meta["settings"]["thermalise_ps"] == 0.1
    plain = replace(config, thermalise_ps=0.0)
    run_generation(tiny, [Molecule.from_smiles("CCO", "other")], tmp_path, plain)
    settings = json.loads((tmp_path / "other" / "meta.json").read_text())
    del settings["settings"]["thermalise_ps"]  # a folder of before: it counts as finished all the same
    (tmp_path / "other" / "meta.json").write_text(json.dumps(settings))
    assert run_generation(tiny, [Molecule.from_smiles("CCO", "other")], tmp_path, plain).skipped == ["other"]


def test_energies_that_are_missing_are_empty_cells():
    from eginterpolator.generation.thermalise import energy_table

    trajectory = Trajectory(molecule(SMILES), frames(2), 5.2, {"potential_kcal": np.array([1.5, np.nan])})
    assert energy_table(trajectory) == "time_ps,potential_kcal\n0.0000,1.5000\n5.2000,\n"
