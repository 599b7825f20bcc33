"""Frames that are bent, twisted or flat where the molecule is not, as networks make of chemistry they do not know."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.ideal import ideal_geometry
from eginterpolator.chemistry.shape import Shape, from_plane
from eginterpolator.chemistry.validity import CHECKS, frame_checks, frame_valid
from tests.builders.conformers import embedded
from tests.builders.distorted import match, set_coordinate, turned_end

AXIS_OF = {
    "azide": ("CCN=[N+]=[N-]", "N=[N+]=[N-]"),
    "isocyanate": ("CCN=C=O", "N=C=O"),
    "allene": ("CCC=C=C", "C=C=C"),
    "ketene": ("CCC=C=O", "C=C=O"),
    "carbodiimide": ("CCN=C=NC", "N=C=N"),
    "nitrile": ("CCC#N", "CC#N"),
    "alkyne": ("CC#CC", "CC#C"),
    "isothiocyanate": ("CCN=C=S", "N=C=S"),
}


def only_fails(molecule, frames, check: str) -> np.ndarray:
    """Frames that pass every check but that one."""
    checks = frame_checks(molecule, frames)
    others = np.logical_and.reduce([passed for name, passed in checks.items() if name != check])
    return others & ~checks[check]


@pytest.mark.parametrize("kind", AXIS_OF)
@pytest.mark.parametrize("hydrogens", [True, False])
def test_what_is_straight_may_not_be_bent(kind, hydrogens):
    molecule, frames = set_coordinate(*AXIS_OF[kind], [178.0, 165.0, 150.0, 136.0, 122.0])
    frames = frames if hydrogens else frames[:, : molecule.n_heavy]
    assert frame_checks(molecule, frames)["angles"].tolist() == [True, True, False, False, False]
    assert only_fails(molecule, frames, "angles")[2]  # nothing but the angle tells


@pytest.mark.parametrize("smiles", ["O=C(Nc1ccccc1)c1ccccc1", "CC(=O)N(C)C", "CC(=O)NC", "CNC(=O)NC", "CC(=S)NC"])
@pytest.mark.parametrize("hydrogens", [True, False])
def test_an_amide_may_not_be_twisted(smiles, hydrogens):
    molecule, frames = set_coordinate(smiles, "[O,S]=CN[#6]", [0.0, 25.0, -40.0, 75.0, 90.0, -105.0, 155.0])
    frames = frames if hydrogens else frames[:, : molecule.n_heavy]
    passed = frame_checks(molecule, frames)["conjugated"]
    assert passed.tolist() == [True, True, True, False, False, False, True]
    assert only_fails(molecule, frames, "conjugated")[4]


@pytest.mark.parametrize(
    ("smiles", "smarts", "check"),
    [
        ("CC(=O)OC", "O=CO[#6]", "conjugated"),
        ("C/C=C/C", "CC=CC", "double_bonds"),
        ("C/C=N/C", "CC=NC", "double_bonds"),
        ("C/N=N/C", "CN=NC", "double_bonds"),
    ],
)
def test_esters_and_double_bonds_may_not_be_twisted(smiles, smarts, check):
    molecule, frames = set_coordinate(smiles, smarts, [180.0, 160.0, 90.0, 15.0])
    checks = frame_checks(molecule, frames)
    assert checks[check].tolist() == [True, True, False, True]
    ideal = ideal_geometry(molecule)
    twist = Shape(ideal, frames).twist(ideal.twists[0])
    assert np.degrees(twist) == pytest.approx([0, 20, 90, 15], abs=3)


@pytest.mark.parametrize(
    ("smiles", "smarts", "wanted"),
    [
        ("CC=C=C", "C=C=C", [False, False, True, True, False]),
        ("CC(C)=C=C=C", "C=C=C=C", [True, True, False, False, True]),
    ],
)
def test_an_allene_is_not_flat_and_a_butatriene_is(smiles, smarts, wanted):
    molecule, frames = turned_end(smiles, smarts, [0.0])
    ideal = ideal_geometry(molecule)
    (axis,) = ideal.axes
    before = float(np.degrees(Shape(ideal, frames).twist(axis))[0])
    angles = []
    for sign in (-1.0, 1.0):  # whichever way round turns it back to 0
        _, frames = turned_end(smiles, smarts, sign * (before + np.array([0.0, 20.0, 60.0, 90.0, 180.0])))
        angles.append((np.degrees(Shape(ideal, frames).twist(axis)), frames))
    twists, frames = min(angles, key=lambda each: each[0][0])
    assert twists == pytest.approx([0, 20, 60, 90, 0], abs=1)
    assert frame_checks(molecule, frames)["axes"].tolist() == wanted


def test_the_ends_of_a_carbodiimide_turn_as_they_like():
    molecule, frames = turned_end("CCN=C=NCC", "N=C=N", [0.0, 45.0, 90.0])
    assert frame_checks(molecule, frames)["axes"].all()


def test_trigonal_carbon_is_flat_and_rings_are_as_they_are():
    molecule, frames = embedded("CC(=O)C", 1)
    carbon = match(molecule, "CC(=O)C")[1]
    around = [a.GetIdx() for a in molecule.rdmol.GetAtomWithIdx(carbon).GetNeighbors()]
    normal = np.cross(frames[0, around[1]] - frames[0, around[0]], frames[0, around[2]] - frames[0, around[0]])
    lifted = np.repeat(frames, 3, axis=0)
    lifted[1, carbon] += 0.3 * normal / np.linalg.norm(normal)
    lifted[2, carbon] += 0.6 * normal / np.linalg.norm(normal)
    assert frame_checks(molecule, lifted)["centres"].tolist() == [True, True, False]
    ring, chair = embedded("C1CCCCC1", 1)
    flat = chair.copy()
    middle = flat[:, :6].mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("tni,tnj->tij", flat[:, :6] - middle, flat[:, :6] - middle))
    flat -= ((flat - middle) @ axes[:, :, :1]) * axes[:, None, :, 0]
    assert frame_checks(ring, chair)["rings"].all() and not frame_checks(ring, flat)["rings"].any()


def test_a_bond_of_iodine_as_long_as_one_of_carbon_is_not_valid():
    molecule, frames = set_coordinate("Ic1ccccc1", "Ic", [2.10, 1.49])
    assert frame_checks(molecule, frames)["bonds"].tolist() == [True, False]
    assert frame_valid(molecule, frames).tolist() == [True, False]


def test_hydrogens_count_where_there_are_some():
    molecule, frames = embedded("CCO", 1)
    bent = frames.copy()
    hydrogen, oxygen = match(molecule, "[#1]O")
    carbon = match(molecule, "CO")[0]
    along = frames[0, carbon] - frames[0, oxygen]
    bent[0, hydrogen] = frames[0, oxygen] - 0.96 * along / np.linalg.norm(along)  # C-O-H straight
    assert not frame_checks(molecule, bent)["angles"][0]
    assert frame_checks(molecule, bent[:, : molecule.n_heavy])["angles"][0]


def test_frames_are_judged_one_by_one_and_at_once():
    molecule, frames = embedded("O=C(NC)/C=C/c1ccccc1", 6)
    noisy = frames + np.random.default_rng(0).normal(0, 0.12, frames.shape)
    together = frame_checks(molecule, noisy)
    assert tuple(together) == CHECKS
    for k, frame in enumerate(noisy):
        assert {name: bool(x[0]) for name, x in frame_checks(molecule, frame[None]).items()} == {
            name: bool(x[k]) for name, x in together.items()
        }
    turned = noisy @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0] + 5.0
    assert all((frame_checks(molecule, turned)[name] == x).all() for name, x in together.items())


def test_distance_from_a_plane():
    square = np.array([[0, 0, 0.1], [1, 0, -0.1], [1, 1, 0.1], [0, 1, -0.1]])
    assert from_plane(square[None], np.array([[0, 1, 2, 3], [3, 2, 1, 0]])) == pytest.approx(0.1)
    assert from_plane(square[None], np.zeros((0, 4), dtype=int)).shape == (1, 0)
