"""From structures to low minima: weights, duplicates, and what is left out and counted."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.ensembles import (
    BONDS,
    DUPLICATE,
    INFINITE,
    STEREO,
    WINDOW,
    boltzmann_weights,
    distinct,
    kept_of,
    low_minima,
    pair_rmsd,
)
from eginterpolator.simulation.refine import Relaxed
from eginterpolator.simulation.starts import kabsch_rmsd
from tests.builders.conformers import FLEXIBLE, embedded, start_structure


def test_weights_are_those_of_boltzmann() -> None:
    kT = 1.987204259e-3 * 300.0
    weights = boltzmann_weights(np.array([-100.0, -100.0 + kT, -100.0 + 2 * kT]), 300.0)
    np.testing.assert_allclose(weights[1:] / weights[:-1], [np.exp(-1), np.exp(-1)])
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(boltzmann_weights(np.array([5.0])), [1.0])


def test_duplicates_are_found_whatever_their_place_and_numbering() -> None:
    molecule = Molecule.from_smiles("OCCO")
    first, *others = (c.GetPositions() for c in embed(molecule, 10, seed=2).GetConformers())
    other = others[int(np.argmax(kabsch_rmsd(np.stack(others)[:, :4], first[:4])))]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    swapped = first[[3, 2, 1, 0, 9, 7, 8, 5, 6, 4]]  # the two ends of the molecule change places
    frames = np.stack([first @ turn + 4.0, other, swapped, first])
    kept = distinct(molecule, frames, np.array([1.0, 0.5, 2.0, 0.0]), 0.125)
    assert kept == [3, 1]
    methyl = Molecule.from_smiles("CO")
    start = start_structure(methyl)
    turned = start.copy()
    turned[-1] = 2 * start[1] - start[-1]  # another place of the hydroxyl's hydrogen is another conformer
    assert len(distinct(methyl, np.stack([start, turned]), np.zeros(2), 0.125)) == 2


def test_heavy_atoms_alone_are_compared_where_there_are_no_others() -> None:
    molecule, frames = embedded(FLEXIBLE)
    heavy = frames[:4, : molecule.n_heavy]
    apart = pair_rmsd(molecule, heavy, heavy)
    assert apart.shape == (4, 4) and np.allclose(np.diag(apart), 0, atol=1e-6)
    assert (apart <= pair_rmsd(molecule, frames[:4], frames[:4]) + 1.0).all() and apart.max() > 0.1


def test_the_nearest_kept_one_of_each() -> None:
    apart = np.array([[0, 1, 5, 5], [1, 0, 5, 5], [5, 5, 0, 1], [5, 5, 1, 0]], dtype=float)
    kept, nearest = kept_of(apart, np.array([3.0, 2.0, 1.0, 4.0]), 2.0)
    assert kept == [2, 1] and nearest.tolist() == [1, 1, 2, 2]


def test_what_is_left_out_is_counted_by_reason_and_every_start_knows_what_it_became() -> None:
    molecule, frames = embedded(FLEXIBLE)
    first, second = frames[:2]
    assert distinct(molecule, frames[:2], np.zeros(2), 0.125) == [0, 1]
    broken, other, lost = first.copy(), first * [1, 1, -1], np.full_like(first, np.nan)
    broken[0] += 9.0
    ends = np.stack([second, first, first + 1.0, broken, other, lost, first, frames[2]])
    energies = np.array([1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 7.0])
    reasons = [""] * 6 + ["it gave up", ""]
    found = low_minima(molecule, ends, lambda starts: Relaxed(ends, energies, reasons), window_kcal=6.0)
    assert found.energies_kcal.tolist() == [0.0, 1.0] and found.of_starts.tolist() == [1, 0, 0, -1, -1, -1, -1, -1]
    np.testing.assert_array_equal(found.positions, np.stack([first, second]))
    assert found.dropped == {DUPLICATE: 1, BONDS: 1, STEREO: 1, INFINITE: 1, "it gave up": 1, WINDOW: 1}
    assert sum(found.dropped.values()) + len(found.positions) == len(ends)
    none = low_minima(molecule, ends, lambda starts: Relaxed(ends, energies, ["no"] * 8))
    assert not len(none.positions) and none.dropped == {"no": 8} and (none.of_starts == -1).all()
