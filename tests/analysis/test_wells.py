"""Wells of torsions that are known."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.wells import angles_of, find_wells, folded, settled_wells
from eginterpolator.chemistry.molecule import Molecule
from tests.builders.wells import turned

BUTANE = (0, 1, 2, 3)


def wells_of(trajectories, **more):
    molecule, frame_ps = trajectories[0].molecule, trajectories[0].frame_ps
    return find_wells(molecule, angles_of(molecule, [t.positions for t in trajectories]), frame_ps, **more)


def noisy(centres, random, width=8.0):
    return np.asarray(centres) + random.normal(scale=width, size=len(centres))


@pytest.fixture(scope="module")
def butane():
    random = np.random.default_rng(0)
    return [turned("CCCC", BUTANE, noisy([180] * 50 + [65] * 30 + [-65] * 20, random)) for _ in range(6)]


def test_wells_of_butane_have_their_names_shares_and_transitions(butane):
    (torsion,) = wells_of(butane)
    found = dict(zip(torsion.names, torsion.shares[:, 0], strict=True))
    assert {name: pytest.approx(share, abs=0.002) for name, share in found.items()} == {
        "trans": 0.5, "gauche+": 0.3, "gauche-": 0.2,
    }  # fmt: skip
    assert torsion.label == "C1–C2–C3–C4" and torsion.transitions == 12 and torsion.frames.sum() == 600
    angles = dict(zip(torsion.names, torsion.degrees, strict=True))
    assert angles["gauche+"] == pytest.approx(65, abs=3) and abs(angles["trans"]) == pytest.approx(180, abs=3)
    assert (torsion.shares[:, 1] <= torsion.shares[:, 0]).all() and (torsion.shares[:, 2] >= torsion.shares[:, 0]).all()


def test_wells_of_another_run_are_taken_where_they_are_given(butane):
    (theirs,) = wells_of(butane)
    only = turned("CCCC", BUTANE, noisy([180] * 40, np.random.default_rng(1)))
    assert wells_of([only])[0].names == ["trans"]
    (ours,) = wells_of([only], like=[theirs])
    assert ours.names == theirs.names and dict(zip(ours.names, ours.shares[:, 0], strict=True))["gauche+"] == 0


def test_a_phenyl_that_flips_stays_in_its_well():
    random = np.random.default_rng(2)
    flips = turned("ClCc1ccccc1", (0, 1, 2, 3), noisy([90] * 40 + [-90] * 40, random))
    (torsion,) = wells_of([flips])
    assert torsion.fold == 2 and torsion.names == ["perpendicular"] and torsion.transitions == 0
    assert np.isnan(torsion.shares[0, 1:]).all(), "a single well has no interval"


def test_a_stray_frame_makes_no_well():
    random = np.random.default_rng(3)
    stray = turned("CCCC", BUTANE, np.append(noisy([180] * 60, random), 60.0))
    assert wells_of([stray])[0].names == ["trans"]


def test_touching_the_end_of_a_well_is_no_transition():
    ends = np.radians([-120.0, 0.0, 120.0])
    path = np.radians([60, 110, 125, 118, 60, 170, 175, 125, 178])
    wells = settled_wells(path, ends)
    assert (np.diff(wells) != 0).sum() == 1 and wells[2] == wells[0] and wells[7] == wells[5]
    assert set(settled_wells(path, ends[:0])) == {0}


def test_folded_angles_are_equal_where_the_molecule_is():
    turns = np.radians([10.0, 130.0, -110.0])
    np.testing.assert_allclose(folded(turns, 3), np.radians(30.0), atol=1e-12)


def test_a_molecule_without_torsions_has_none():
    assert wells_of([turned("CCO", (0, 1, 2, 8), np.array([60.0, 70.0]))]) == []


def test_structures_that_stand_for_themselves_have_wells_by_their_weights():
    molecule = Molecule.from_smiles("CCCC")
    angles = [np.array([[np.radians(x)]]) for x in (180.0, 62.0, -61.0, 175.0)]
    (torsion,) = find_wells(molecule, angles, 1.0, weights=[0.5, 0.2, 0.1, 0.2])
    found = dict(zip(torsion.names, torsion.shares[:, 0].tolist(), strict=True))
    assert (
        found == pytest.approx({"trans": 0.7, "gauche+": 0.2, "gauche-": 0.1}) and np.isnan(torsion.shares[:, 1:]).all()
    )
