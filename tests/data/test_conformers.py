"""Conformer ensembles: minima of the wanted isomer, without duplicates, weighted, in a store that resumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data import conformers
from eginterpolator.data.check import check
from eginterpolator.data.conformers import (
    ConformerSettings,
    boltzmann_weights,
    build_conformers,
    conformer_record,
    distinct,
)
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.simulation.refine import RefinementError
from eginterpolator.simulation.starts import kabsch_rmsd
from tests.builders.cli import rows
from tests.builders.conformers import start_structure
from tests.builders.networks import CHIRAL
from tests.builders.records import stored


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


def test_an_ensemble_is_sorted_distinct_and_of_the_wanted_isomer() -> None:
    molecule = Molecule.from_smiles(CHIRAL, "alcohol")
    record, facts = conformer_record(molecule, ConformerSettings(embed=30, energy_window_kcal=3.0))
    assert record.conformers is not None and record.energies_kcal is not None and record.weights is not None
    count = len(record.conformers)
    assert 3 <= count == facts["conformers"] <= facts["embedded"] <= 30
    assert (np.diff(record.energies_kcal) >= 0).all() and np.ptp(record.energies_kcal) <= 3.0
    np.testing.assert_allclose(record.weights, boltzmann_weights(record.energies_kcal))
    assert frame_stereo(molecule, record.conformers).all()
    assert distinct(molecule, record.conformers, record.energies_kcal, 0.12) == list(range(count))
    again, _ = conformer_record(molecule, ConformerSettings(embed=30, energy_window_kcal=3.0))
    np.testing.assert_array_equal(record.conformers, again.conformers)


def test_what_a_minimum_must_not_lose_is_checked(monkeypatch) -> None:
    molecule = Molecule.from_smiles(CHIRAL)
    calls = 0

    def unreliable(method: str, molecule: Molecule):
        def refine(positions: np.ndarray) -> tuple[np.ndarray, float]:
            nonlocal calls
            calls += 1
            if calls % 4 == 0:
                return positions * [1, 1, -1], 0.0
            if calls % 4 == 1:
                return np.where(np.arange(len(positions))[:, None] == 0, 9.0, positions), 0.0
            if calls % 4 == 2:
                raise RefinementError("it gave up")
            return np.full_like(positions, np.nan), 0.0

        return refine

    monkeypatch.setattr(conformers, "refiner", unreliable)
    with pytest.raises(GenerationError, match="No conformer") as error:
        conformer_record(molecule, ConformerSettings(embed=12))
    for reason in ("another stereo", "other bonds", "gave up", "not finite"):
        assert reason in str(error.value)


def test_a_build_resumes_grows_and_refuses_other_settings(tmp_path, monkeypatch) -> None:
    out, settings = tmp_path / "set.h5", ConformerSettings(embed=5)
    molecules = [Molecule.from_smiles(s, n) for s, n in (("CCO", "a"), ("CCN", "b"), ("CCC", "c"), ("CC=O", "test"))]
    (tmp_path / "test.smi").write_text("CC=O leave_out\n")
    made: list[str] = []
    record = conformers.conformer_record

    def interrupted(molecule: Molecule, settings: ConformerSettings):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(molecule.name)
        return record(molecule, settings)

    monkeypatch.setattr(conformers, "conformer_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_conformers(molecules, out, settings, exclude=[tmp_path / "test.smi"])
    assert not out.exists() and made == ["a", "b"]
    monkeypatch.setattr(conformers, "conformer_record", record)
    result = build_conformers(molecules, out, settings, exclude=[tmp_path / "test.smi"])
    assert result.done == ["c"] and result.skipped == ["a", "b"] and check(out) == []
    first = stored(out)
    assert sorted(first) == ["a", "b", "c"]
    assert sorted(path.name for path in (tmp_path / "set_run").iterdir()) == ["failures.csv", "summary.csv"]

    more = [*molecules[:3], Molecule.from_smiles("CO", "d"), Molecule.from_smiles("C[Fe]C", "iron")]
    grown = build_conformers(more, out, settings)
    assert grown.done == ["d"] and [failure.name for failure in grown.failures] == ["iron"]
    assert "MMFF94s has no parameters" in rows(tmp_path / "set_run" / "failures.csv")[0]["reason"]
    table = rows(tmp_path / "set_run" / "summary.csv")
    assert [row["name"] for row in table] == ["a", "b", "c", "d"] and all(int(row["conformers"]) > 0 for row in table)
    after = stored(out)
    assert {name: after[name] for name in first} == first and sorted(after) == ["a", "b", "c", "d"]

    with pytest.raises(InputError, match="other settings"):
        build_conformers(more, out, replace(settings, seed=1))
    with pytest.raises(InputError, match="another molecule named 'a'"):
        build_conformers([Molecule.from_smiles("CCF", "a")], out, settings)
    assert stored(out) == after
