"""The scripts of the learned clock: whose molecules, what the table and the networks are made of, how it is judged."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

import clock_data
import clock_prior
import clock_train
import learned_clock
from eginterpolator.analysis.torsion_counts import TorsionCounts
from eginterpolator.chemistry.identity import split_key
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.splits import exclusions, held_out_lists, split_of
from tests.builders.simulation import needs_md

DATA = Path(__file__).resolve().parents[2] / "datasets" / "clock" / "counts.jsonl.gz"


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """The first 60 molecules of the data, in a file."""
    path = tmp_path_factory.mktemp("clock") / "counts.jsonl"
    path.write_text("".join(gzip.decompress(DATA.read_bytes()).decode().splitlines(keepends=True)[:60]))
    return path


def test_no_molecule_of_the_data_is_on_a_list_and_splits_are_the_package_s():
    records = [json.loads(line) for line in gzip.decompress(DATA.read_bytes()).decode().splitlines()]
    used = [record for record in records if "failed" not in record]
    assert len(used) > 500
    held = held_out_lists()
    for record in used[::12]:
        key = split_key(record["smiles"])
        assert key not in held
        assert record["split"] == split_of(key, clock_data.VALIDATION, clock_data.TEST)


def test_the_table_leaves_a_molecule_s_own_part_out(counts):
    examples = clock_train.read_examples(counts)
    table, shift = clock_train.table_of(examples)
    chosen = next(e for e in examples if sum(len(c.spent_ps) > 1 for c in e.counts) > 1)
    without, _ = clock_train.table_of([e for e in examples if e is not chosen])
    away = np.abs(clock_train.by_class(table, shift, chosen, seen=True) - np.log(without.of_torsions(chosen.molecule)))
    assert away.max() < 0.1  # but for the friction's shift, which it has a part in
    seen = clock_train.by_class(table, shift, chosen, seen=False)
    assert np.abs(clock_train.by_class(table, shift, chosen, seen=True) - seen).max() > away.max()


def test_some_steps_bring_the_loss_of_trained_molecules_down(counts, monkeypatch):
    monkeypatch.setattr(clock_train, "STEPS", (30, 30))
    examples = clock_train.read_examples(counts, ("train",))[:24]
    table, shift = clock_train.table_of(examples)
    told = {e.record["name"]: clock_train.by_class(table, shift, e, seen=True) for e in examples}
    batch, wanted = clock_train.batch_of(examples, told), clock_train.target(examples)
    before = clock_train.mean_loss(clock_train.TorsionClock(), batch, wanted).item()
    network = clock_train.fit(examples, examples[:4], told, 0, 1)
    assert clock_train.mean_loss(network, batch, wanted).item() < before


def test_judging_counts_only_what_is_measured_and_by_hand(counts):
    examples = clock_train.read_examples(counts)
    twice = learned_clock.judged(
        lambda e: (np.log([min(c.time_ps, 1e9) for c in e.counts]) + math.log(3), np.full(len(e.counts), 1.0)),
        examples,
        0,
    )
    assert twice["torsions"] == sum(learned_clock.is_measured(c) for e in examples for c in e.counts) > 10
    assert twice["rms"] == pytest.approx(math.log(3)) and twice["median_ratio"] == pytest.approx(3)
    assert twice["within_two"] == 0.0 and twice["inside_90"] == 1.0
    assert learned_clock.judged(lambda e: (np.zeros(len(e.counts)), None), [], 0)["torsions"] == 0


def test_a_reference_s_relaxation_time_is_that_of_its_two_wells():
    # 1/40 and 1/120 ps between wells of 3000 and 9000 ps: 1 / (1/40 + 1/120) = 30 ps
    count = TorsionCounts((0, 1, 2, 3), [(1, 0), (0, 1)], [3000.0, 9000.0], [[0, 75], [75, 0]], 30.0, 100.0)
    assert clock_prior.relaxation_ps(count) == pytest.approx(30.0, rel=1e-3)


def test_lines_that_were_cut_off_are_made_again(tmp_path):
    path = tmp_path / "counts.jsonl"
    path.write_text('{"name": "a"}\n{"name": "b"}\n{"nam')
    assert clock_data.finished(path) == {"a", "b"} and path.read_text().endswith('"b"}\n')
    assert clock_data.finished(tmp_path / "none") == set()


def test_listed_molecules_turn_and_are_not_left_out(tmp_path):
    path = tmp_path / "list.smi"
    path.write_text("CCOCC a\nC1CCC1 b\nCCOCCO c\nCC d\n")
    names = [m.name for m, _, _ in clock_data.listed(path, {}, 0)]
    assert {"a", "c"} <= set(names) and "d" not in names  # b, a ring alone, is one in five
    assert "a" not in [m.name for m, _, _ in clock_data.listed(path, exclusions([]) | {split_key("CCOCC"): "no"}, 0)]


@needs_md
def test_a_molecule_is_run_until_it_may_not_run_longer(monkeypatch):
    monkeypatch.setattr(clock_data, "ROUNDS_PS", (4.0, 8.0))
    monkeypatch.setattr(clock_data, "cap_ps", lambda key: 8.0)
    monkeypatch.setattr(clock_data, "EQUILIBRATION_STEPS", 50)
    monkeypatch.setattr(clock_data, "COLD_STEPS", 100)
    record = clock_data.observed(Molecule.from_smiles("CCOCC", "ether"), "train", 1)
    assert record["replica_ps"] in (3.9, 7.8) and len(record["torsions"]) == 2 and record["replicas"] == 16
    spent = [sum(TorsionCounts.from_dict(t).spent_ps) for t in record["torsions"]]
    assert spent == pytest.approx([16 * record["replica_ps"]] * 2, rel=1e-3)
