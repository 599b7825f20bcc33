"""The learned clock: what its likelihood counts, what does not matter to it, and its files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import logistic, nbinom

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_graph import torsion_graph
from eginterpolator.chemistry.torsion_times import TorsionTimes
from eginterpolator.errors import InputError
from eginterpolator.models.torsion_clock import (
    NOISE_FLOOR,
    NOISE_OF_JUMPS,
    ClockEnsemble,
    TorsionClock,
    collate,
    loss,
    read_clock,
)

SMILES = "CC(C)CC(=O)NCCO"


TABLE = TorsionTimes({"": (3 * math.log(20.0), 3)})


@pytest.fixture(scope="module")
def clock() -> ClockEnsemble:
    torch.manual_seed(0)
    networks = [TorsionClock(16, 2), TorsionClock(16, 2)]
    for network in networks:
        torch.nn.init.normal_(network.head[-1].weight, std=0.5)
    return ClockEnsemble(networks, TABLE, 1.5, {"molecules": 7})


def test_untrained_it_says_what_the_table_says():
    found = ClockEnsemble([TorsionClock()], TABLE).of_molecule(Molecule.from_smiles(SMILES))
    np.testing.assert_allclose(found.ps, 20.0, rtol=1e-5)
    np.testing.assert_allclose(found.jump_ps, 20.0, rtol=1e-5)


def test_the_likelihood_is_that_of_scipy():
    found = tuple(torch.tensor([x, x]) for x in (3.0, 0.7, 4.0, 2.5))
    jumps = torch.tensor([3.0, 3.0])
    of_time, of_jumps = loss(
        found, torch.tensor([3.5, 3.5]), torch.tensor([False, True]), jumps, torch.full((2,), 90.0)
    )
    spread = math.sqrt(0.49 + NOISE_FLOOR**2 + NOISE_OF_JUMPS / 4) * math.sqrt(3) / math.pi
    assert float(of_time[0]) == pytest.approx(-logistic.logpdf(3.5, 3.0, spread), rel=1e-5)
    assert float(of_time[1]) == pytest.approx(-logistic.logsf(3.5, 3.0, 0.7 * math.sqrt(3) / math.pi), rel=1e-5)
    mean = 90.0 / math.exp(4.0)
    assert float(of_jumps[0]) == pytest.approx(-nbinom.logpmf(3, 2.5, 2.5 / (2.5 + mean)), rel=1e-4)


def test_a_run_without_a_jump_says_that_the_time_is_long():
    tau = torch.tensor([2.0, 5.0, 8.0])
    found = (tau, torch.ones(3), tau, torch.ones(3))
    none = loss(found, torch.full((3,), 5.0), torch.ones(3, dtype=bool), torch.zeros(3), torch.full((3,), 300.0))
    assert all((each.diff() < 0).all() for each in none)  # the longer, the likelier
    one_well = loss(found, torch.full((3,), 5.0), torch.ones(3, dtype=bool), torch.zeros(3), torch.zeros(3))[1]
    assert one_well.abs().max() < 1e-5  # a torsion with one well exposes nothing


def test_neighbours_in_the_batch_and_the_end_that_is_first_do_not_matter(clock):
    molecule = Molecule.from_smiles(SMILES)
    graph = torsion_graph(molecule)
    alone = clock.of_molecule(molecule, 20.0)
    butane = torsion_graph(Molecule.from_smiles("CCCC"))
    told = [np.log(np.full(count, 20.0)) for count in (1, len(graph.torsions))]
    both = clock.of_batch(collate([butane, graph], [(1.0, 300.0), (20.0, 300.0)], told))
    np.testing.assert_allclose(both.ps[1:], alone.ps, rtol=1e-4)
    turned = collate([graph], [(20.0, 300.0)], told[1:])
    turned.torsions.copy_(turned.torsions.flip(1))
    np.testing.assert_allclose(clock.of_batch(turned).ps, alone.ps, rtol=1e-4)
    assert not np.allclose(clock.of_molecule(molecule, 1.0).ps, alone.ps)  # friction does
    assert len(clock.of_molecule(Molecule.from_smiles("CC")).ps) == 0


def test_files_give_the_same_clock_to_half_precision(clock, tmp_path):
    clock.save(tmp_path / "clock")
    read = read_clock(tmp_path / "clock")
    assert read.stretch == 1.5 and read.facts == {"molecules": 7} and read.table.sums[""][1] == 3
    molecule = Molecule.from_smiles(SMILES)
    for before, after in zip(*(vars(c.of_molecule(molecule)).values() for c in (clock, read)), strict=True):
        np.testing.assert_allclose(before, after, rtol=2e-2)
    with pytest.raises(InputError, match="holds no learned clock"):
        read_clock(tmp_path)
