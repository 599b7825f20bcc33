"""Times of torsions: classes of bonds, estimates, and what moves with a bond."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import (
    FASTEST_PS,
    PRIOR,
    TorsionTimes,
    autocorrelation,
    bond_classes,
    shipped_times,
)

BUTANOL = "CCCCO"


def test_classes_of_a_bond_grow_in_detail_and_know_no_direction():
    mol = Molecule.from_smiles("CC(=O)NCC1CC1").heavy_mol
    assert bond_classes(mol, 3, 4) == bond_classes(mol, 4, 3)
    assert len(set(bond_classes(mol, 3, 4))) == 4
    assert all(key.startswith("0:") for key in bond_classes(mol, 4, 5))
    assert all(key.startswith("3:") for key in bond_classes(mol, 5, 6))
    amide, chain = bond_classes(mol, 1, 3), bond_classes(mol, 3, 4)
    assert not set(amide) & set(chain)


def test_estimates_go_from_all_torsions_to_the_class():
    mol = Molecule.from_smiles(BUTANOL).heavy_mol
    classes = bond_classes(mol, 1, 2)
    everything = (4 * math.log(10.0), 4)
    assert TorsionTimes({"": everything}).of_bond(mol, 1, 2) == pytest.approx(10.0)
    known = TorsionTimes({"": everything, classes[0]: (2 * math.log(1000.0), 2)})
    assert known.of_bond(mol, 1, 2) == pytest.approx(10.0 * 100 ** (2 / (2 + PRIOR)))
    many = TorsionTimes({"": everything, classes[3]: (1e6 * math.log(1000.0), 10**6)})
    assert many.of_bond(mol, 1, 2) == pytest.approx(1000.0, rel=1e-3)


def times_of(smiles: str, known: dict[tuple[int, int], float], other: float = 5.0) -> np.ndarray:
    """Times of the atoms where the bonds of `known` have these times by their class, and all other bonds `other`."""
    molecule = Molecule.from_smiles(smiles)
    sums = {bond_classes(molecule.heavy_mol, *bond)[3]: (1e6 * math.log(t), 10**6) for bond, t in known.items()}
    return TorsionTimes({"": (math.log(other), 1), **sums}).of_atoms(molecule)


def test_what_spans_a_slow_torsion_gets_its_time():
    # the torsion about 2-3 is spanned by 1, 2, 3 and 4; what turns about 1-2 is atom 0
    assert times_of(BUTANOL, {(2, 3): 300.0}) == pytest.approx([5.0, 300.0, 300.0, 300.0, 300.0], rel=1e-3)
    # beyond the fast bonds 2-3 and 4-5 of propyl acetate only their time is left, up to the next slow one
    ester = times_of("CCCOC(C)=O", {(1, 2): 300.0}, other=4.0)
    assert ester == pytest.approx([300.0, 300.0, 300.0, 300.0, 4.0, 4.0, 4.0], rel=1e-3)


def test_a_time_passes_slower_bonds_and_is_cut_down_by_faster_ones():
    chain = {(1, 2): 300.0, (2, 3): 20.0, (3, 4): 100.0}
    assert times_of("CCCCOF", chain) == pytest.approx([300.0, 300.0, 300.0, 300.0, 100.0, 100.0], rel=1e-3)


def test_what_is_joined_rigidly_shares_the_time():
    # all methyl groups about a slow bond, and a ring whose pucker is slow with its substituent
    assert times_of("CC(C)C(C)(C)CO", {(1, 3): 300.0}) == pytest.approx([300.0] * 7 + [5.0], rel=1e-3)
    ring = times_of("CC1CCCC1", {(1, 2): 300.0, (2, 3): 300.0, (3, 4): 300.0, (4, 5): 300.0, (1, 5): 300.0})
    assert ring == pytest.approx([300.0] * 6, rel=1e-3)


def test_molecules_without_slow_torsions_remember_nothing():
    assert times_of("C1CCCC1", {}) == pytest.approx(np.full(5, 5.0))
    assert times_of("CCO", {}) == pytest.approx([FASTEST_PS] * 3)


def test_shipped_times_know_slow_bonds_from_fast_ones():
    times = shipped_times()
    chain, carbonyl = Molecule.from_smiles("CCCCC").heavy_mol, Molecule.from_smiles("CCC(C)=O").heavy_mol
    assert times.of_bond(chain, 1, 2) > 3 * times.of_bond(carbonyl, 1, 2)
    assert times.digest == TorsionTimes(times.sums).digest != TorsionTimes({"": (1.0, 1)}).digest


def test_autocorrelation_is_the_plain_sum():
    values = np.random.default_rng(0).normal(0, 1, (40, 2)).cumsum(axis=0)
    parts = [f(values) - f(values).mean(axis=0) for f in (np.cos, np.sin)]
    plain = np.array([sum((x[: 40 - k] * x[k:]).mean(axis=0) for x in parts) for k in range(40)])
    assert np.allclose(autocorrelation(values), plain / plain[0])
