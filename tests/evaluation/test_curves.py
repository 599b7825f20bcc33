"""Curves of an evaluation are those of its trajectories."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.features import torsions
from eginterpolator.chemistry.torsion_times import autocorrelation
from tests.builders.conformers import FLEXIBLE, walk


def test_curves_are_those_of_the_trajectories(evaluation):
    curves = evaluation.curves["flexible"]
    ours = [walk(FLEXIBLE, 60, seed) for seed in (5, 6)]
    assert curves.histograms["generated"]["torsion"].sum() == 120 * 3
    assert all(grid.sum() == n for grid, n in zip(curves.tica.values(), (180, 60, 120), strict=True))
    quadruples = np.array([[0, 1, 3, 4]])  # any torsion of the molecule, against the plain function
    plain = autocorrelation(np.stack([torsions(x, quadruples) for x in ours]))
    column = [k for k in range(3) if np.allclose(curves.autocorrelations["generated"][:, k], plain[:30, 0])]
    assert curves.autocorrelations["generated"].shape == (30, 3) and len(column) == 1
    assert evaluation.curves["rigid"].tica == {} and evaluation.curves["rigid"].staying == {}
    assert {"share", "foretold", "reference", "generated", "oracle"} == set(curves.staying["states"][0])
