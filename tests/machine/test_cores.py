"""Pieces of work on the cores of one process: order, sizes, failures, and samples that do not depend on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.machine.cores import free_cores, on_cores, shares
from eginterpolator.models.registry import Model


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "most", "threads"), [(1, 2, 2), (10, 2, 2), (10, 3, 4), (3, 1, 2), (7, 100, 2)])
def test_shares_cover_everything_and_are_small_enough(count: int, most: int, threads: int) -> None:
    parts = shares(count, most, threads)
    assert [index for part in parts for index in part] == list(range(count))
    assert max(map(len, parts)) <= most
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_results_keep_the_order_of_the_parts(two_threads: None) -> None:
    together = threading.Barrier(2)  # a busy machine may start the second thread late

    def work(part: int, check: Callable[[], None]) -> tuple[int, int, int]:
        if part < 2:
            together.wait(60)
        time.sleep(0.02 * (3 - part))
        return part, torch.get_num_threads(), threading.get_ident()

    made = on_cores(work, [0, 1, 2])
    assert [part for part, _, _ in made] == [0, 1, 2]
    assert {threads for _, threads, _ in made} == {1}
    assert len({thread for _, _, thread in made}) == 2
    assert torch.get_num_threads() == 2


def test_a_single_part_keeps_all_threads(two_threads: None) -> None:
    assert on_cores(lambda part, check: torch.get_num_threads(), ["all"]) == [2]


def test_a_single_part_of_small_operations_keeps_one_thread(two_threads: None) -> None:
    assert on_cores(lambda part, check: torch.get_num_threads(), ["all"], small=True) == [1]
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError):
        on_cores(lambda part, check: 1 // 0, ["all"], small=True)
    assert torch.get_num_threads() == 2


def test_every_thread_gets_a_part_where_there_are_as_many() -> None:
    assert [len(part) for part in shares(2, 100, 2)] == [1, 1] and len(shares(5, 100, 4)) == 4


def test_free_cores_are_at_most_those_of_the_threads(two_threads: None) -> None:
    assert 0.0 < free_cores(0.05) <= 2.2


def test_a_failure_stops_the_other_parts(two_threads: None) -> None:
    done = []

    def work(part: int, check: Callable[[], None]) -> None:
        if part == 0:
            raise ValueError("part 0")
        for _ in range(1000):
            check()
            time.sleep(0.01)
        done.append(part)

    with pytest.raises(ValueError, match="part 0"):
        on_cores(work, [0, 1, 2, 3])
    assert not done


def test_samples_do_not_depend_on_threads(two_threads: None, tiny: Model) -> None:
    molecule = Molecule.from_smiles("CCO")
    config = GenerationConfig(n_frames=6, n_samples=4, steps=3, seed=5, batch=1)
    spread = generate_trajectories(tiny, molecule, config)
    torch.set_num_threads(1)
    alone = generate_trajectories(tiny, molecule, config)
    for one, other in zip(spread, alone, strict=True):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-4)
