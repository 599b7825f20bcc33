"""Ranked ensembles: sorted, weighed, in clusters, with intervals, and settings that fit each other."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import GenerationError, InputError
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.simulation import conformers as module
from eginterpolator.simulation.conformers import RankSettings, ranked, ranking_line, summed
from eginterpolator.simulation.ensembles import boltzmann_weights, pair_rmsd
from eginterpolator.simulation.refine import Relaxed
from tests.builders.conformers import FLEXIBLE, embedded


def ensemble() -> ConformerEnsemble:
    """Twelve structures, and the first four a second time, turned."""
    molecule, frames = embedded(FLEXIBLE)
    return ConformerEnsemble(molecule, np.concatenate([frames, frames[:4][..., [1, 2, 0]]]))


def test_defaults_depend_on_what_is_asked_for() -> None:
    assert RankSettings.of().does_nothing and RankSettings.of().to_dict() is None
    mmff = RankSettings.of("mmff")
    assert (mmff.window_kcal, mmff.prune_rmsd, mmff.cluster_rmsd, mmff.temperature_K) == (6.0, 0.125, 0.5, 298.15)
    assert mmff.solvent == "vacuum" and mmff.to_dict() != RankSettings.of("mmff", window_kcal=5.0).to_dict()
    assert RankSettings.of(clusters="5").cluster_count == 5 == RankSettings.of(clusters=5).cluster_count
    for radius in ("1.0", 1.0):
        assert RankSettings.of("mmff", clusters=radius).cluster_rmsd == 1.0
    assert RankSettings.of("mmff", clusters=3).cluster_rmsd is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"energies": "dft"}, "'dft' are no energies"),
        ({"window_kcal": 5.0}, "--window needs energies"),
        ({"temperature_K": 300.0}, "--populations-at needs energies"),
        ({"solvent": "water"}, "--relax-in needs energies"),
        ({"populations": "thermal"}, "--populations needs energies"),
        ({"energies": "mmff", "window_kcal": -1.0}, "--window is -1"),
        ({"energies": "mmff", "prune_rmsd": 0.0}, "--prune-rmsd is 0"),
        ({"energies": "mmff", "solvent": "water"}, "MMFF94s cannot be in 'water'"),
        ({"energies": "mmff", "populations": "thermal"}, "give --energies sage"),
        ({"clusters": "many"}, "give a number of clusters"),
        ({"clusters": 0}, "give a number of clusters"),
        ({"clusters": "-.5"}, "give a number of clusters"),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        RankSettings.of(**arguments)


def test_relaxed_conformers_are_sorted_weighed_and_clustered() -> None:
    found = ranked(ensemble(), RankSettings.of("mmff", temperature_K=350.0), seed=1)
    assert found.table is not None and found.clusters is not None and found.energies_kcal is not None
    table, clusters, facts = found.table, found.clusters, found.meta["ranking"]
    assert facts["kept"] == len(found) < facts["generated"] == 16
    assert facts["kept"] + sum(facts["dropped"].values()) == 16 and "duplicates" in facts["dropped"]
    assert (np.diff(found.energies_kcal) >= 0).all() and table["relative_kcal"][0] == table["rmsd_to_best"][0] == 0
    np.testing.assert_allclose(table["population"], boltzmann_weights(found.energies_kcal, 350.0))
    apart = pair_rmsd(found.molecule, found.positions, found.positions)
    assert apart[np.triu_indices(len(found), 1)].min() >= 0.125
    assert sum(table["found"]) == 16 - facts["dropped"].get("above the window", 0)
    assert sum(clusters["conformers"]) == len(found) and sum(clusters["population"]) == pytest.approx(1.0)
    assert clusters["population"] == sorted(clusters["population"], reverse=True)
    for row in clusters.rows:  # the lowest of its members stands for it
        assert row["population_low"] <= row["population"] <= row["population_high"]
        members = [k for k, name in enumerate(table["cluster"]) if name == row["cluster"]]
        assert row["frame"] == members[0] and row["conformers"] == len(members)
        assert row["relative_kcal"] == table["relative_kcal"][members[0]]
    again = ranked(ensemble(), RankSettings.of("mmff", temperature_K=350.0), seed=1)
    np.testing.assert_array_equal(again.positions, found.positions)
    assert again.clusters == clusters


def test_intervals_are_over_starts_that_are_drawn_anew(monkeypatch) -> None:
    """A minimum that 1 of n starts has found is missing in about 1/e of the draws; one that most have found, never."""
    molecule, frames = embedded(FLEXIBLE)
    ends = np.concatenate([frames[:1], np.repeat(frames[1:2], 11, axis=0)])
    energies = np.array([0.0] + [1.0] * 11)
    monkeypatch.setattr(module, "relaxer", lambda *a: lambda starts: Relaxed(ends, energies, [""] * 12))
    found = ranked(ConformerEnsemble(molecule, frames), RankSettings.of("mmff"))
    assert found.table is not None and found.table["found"] == [1, 11]
    first, second = found.table.rows
    assert first["population_low"] == 0.0 and second["population_high"] == 1.0
    assert first["population_high"] == pytest.approx(first["population"]) == boltzmann_weights(np.array([0.0, 1.0]))[0]


def test_structures_as_they_are_keep_their_order() -> None:
    molecule, frames = embedded(FLEXIBLE)
    twice = ConformerEnsemble(molecule, np.concatenate([frames, frames[::-1]]))
    assert ranked(twice, RankSettings.of()) is twice
    grouped = ranked(twice, RankSettings.of(clusters=3))
    assert len(grouped) == 24 and grouped.energies_kcal is None and grouped.clusters is not None
    assert grouped.clusters.n_rows == 3 and grouped.meta["ranking"]["dropped"] == {}
    pruned = ranked(twice, RankSettings.of(prune_rmsd=0.01))
    np.testing.assert_array_equal(pruned.positions, twice.positions[: len(pruned)])
    assert pruned.table is not None and pruned.clusters is None and "cluster" not in pruned.table
    assert sum(pruned.table["found"]) == 24 and sum(pruned.table["population"]) == pytest.approx(1.0)
    heavy = ConformerEnsemble(molecule, twice.heavy)
    assert len(ranked(heavy, RankSettings.of(prune_rmsd=0.01))) <= len(pruned)
    with pytest.raises(InputError, match="leave --no-hydrogens away"):
        ranked(heavy, RankSettings.of("mmff"))


def test_nothing_left_is_an_error_that_says_why(monkeypatch) -> None:
    whole = ensemble()
    reasons = ["GFN2-xTB finds no minimum in 500 steps"] * 16
    monkeypatch.setattr(module, "relaxer", lambda *a: lambda starts: Relaxed(starts, np.zeros(16), reasons))
    with pytest.raises(GenerationError, match=r"is left: GFN2-xTB finds no minimum in 500 steps \(16 times\)"):
        ranked(whole, RankSettings.of("mmff"))
    reasons[3] = reasons[4] = ""
    facts = ranked(whole, RankSettings.of("mmff")).meta["ranking"]
    assert facts["dropped"] == {"not converged": 14}
    assert ranking_line(facts) == "2 of 16 kept: 14 not converged left out"
    assert summed([facts, facts]) == {"generated": 32, "kept": 4, "dropped": {"not converged": 28}}
