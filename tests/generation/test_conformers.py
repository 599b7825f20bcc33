"""Ensembles of RDKit relaxed and ranked: judged as they are then, with the seconds of both."""

from __future__ import annotations

import numpy as np

from eginterpolator.generation.conformers import etkdg_ensemble, finished_ensemble
from eginterpolator.simulation.conformers import RankSettings
from tests.builders.networks import CHIRAL, molecule


def test_what_is_ranked_is_judged_anew():
    made = etkdg_ensemble(molecule(CHIRAL), 8, seed=3)
    assert made.positions.shape == (8, molecule(CHIRAL).n_atoms, 3) and made.energies_kcal is None
    assert finished_ensemble(made, RankSettings.of(), 3) is made
    found = finished_ensemble(made, RankSettings.of("mmff"), 3)
    assert found.meta["n_frames"] == len(found) <= 8 and found.meta["stereo_retention"] == found.meta["valid"] == 1.0
    assert found.meta["seconds"] >= made.meta["seconds"] and "ranking" not in made.meta
    assert found.meta["model"] == "etkdg" and np.isfinite(found.energies_kcal).all()
    assert etkdg_ensemble(molecule(CHIRAL), 2, 3, hydrogens=False).positions.shape[1] == molecule(CHIRAL).n_heavy
