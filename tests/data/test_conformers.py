"""Conformer ensembles: minima of the wanted isomer, without duplicates, weighted, in a store that resumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data import conformers
from eginterpolator.data.check import check
from eginterpolator.data.conformers import ConformerSettings, build_conformers, conformer_record
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.simulation.ensembles import boltzmann_weights, distinct
from eginterpolator.simulation.refine import Relaxed
from tests.builders.cli import rows
from tests.builders.networks import CHIRAL
from tests.builders.records import stored


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


def test_half_of_mixed_starts_come_from_replicas_and_no_minimum_passes_through_mmff(monkeypatch) -> None:
    molecule, asked = Molecule.from_smiles(CHIRAL), {}

    def hot(molecule: Molecule, known: np.ndarray, n: int, seed: int) -> np.ndarray:
        asked.update(known=len(known), n=n)
        return known[:2] + 0.01

    def unchanged(method: str, molecule: Molecule, threads: int, through_mmff: bool):
        asked["through_mmff"] = through_mmff
        return lambda starts: Relaxed(starts, np.zeros(len(starts)), [""] * len(starts))

    monkeypatch.setattr(conformers, "hot_structures", hot)
    monkeypatch.setattr(conformers, "relaxer", unchanged)
    record, facts = conformer_record(molecule, ConformerSettings(embed=9, starts="mixed"))
    assert asked["n"] == 4 and asked["known"] <= 5 and not asked["through_mmff"]
    assert facts["embedded"] == asked["known"] + 2 and record.source.startswith("ETKDGv3 and replicas in OBC2 at 500 K")
    assert conformer_record(molecule, ConformerSettings(embed=9))[0].source.startswith("ETKDGv3, ")
    assert asked["through_mmff"]
    with pytest.raises(InputError, match="'both' is no way to start; use one of etkdg, mixed"):
        ConformerSettings(starts="both")


def test_what_a_minimum_must_not_lose_is_checked(monkeypatch) -> None:
    molecule = Molecule.from_smiles(CHIRAL)

    def unreliable(method: str, molecule: Molecule, threads: int, through_mmff: bool):
        def relax(starts: np.ndarray) -> Relaxed:
            found, kinds = starts.copy(), np.arange(len(starts)) % 4
            found[kinds == 0] *= [1, 1, -1]
            found[kinds == 1, 0] = 9.0
            found[kinds == 3] = np.nan
            return Relaxed(found, np.zeros(len(found)), ["it gave up" if kind == 2 else "" for kind in kinds])

        return relax

    monkeypatch.setattr(conformers, "relaxer", unreliable)
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
