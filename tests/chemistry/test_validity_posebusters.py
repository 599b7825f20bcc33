"""PoseBusters is a floor: whatever its geometry fails, ours fails too, on structures perturbed in every way."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.validity import frame_valid
from tests.builders.conformers import embedded
from tests.builders.distorted import set_coordinate, with_frame

posebusters = pytest.importorskip("posebusters")

SMILES = (
    "CC(=O)Nc1ccc(O)cc1", "CC(C)=C(C)CC1CCCCC1", "O=C1C=CCCC1", "CCN=[N+]=[N-]", "CS(=O)(=O)c1ccsc1",
    "C[C@H](O)C#CCN(C)C", "O=C(O)c1ccccc1Br",
)  # fmt: skip
GEOMETRY = (
    "bond_lengths", "bond_angles", "internal_steric_clash", "aromatic_ring_flatness",
    "non-aromatic_ring_non-flatness", "double_bond_flatness",
)  # fmt: skip


def perturbed(smiles: str) -> tuple[object, np.ndarray]:
    """Structures with noise of several sizes, squashed or stretched, and with two atoms brought together."""
    molecule, frames = embedded(smiles, 2)
    random = np.random.default_rng(3)
    found = [frames]
    for size in (0.02, 0.08, 0.15, 0.3):
        found.append(frames + random.normal(0, size, frames.shape))
    for factor in (0.0, 0.5, 0.75, 1.3, 1.6):
        axis = random.normal(size=3)
        axis /= np.linalg.norm(axis)
        found.append(frames + (factor - 1.0) * (frames @ axis)[..., None] * axis)
    for _ in range(6):
        a, b = random.choice(molecule.n_heavy, 2, replace=False)
        moved = frames.copy()
        moved[:, a] += random.uniform(0.3, 0.8) * (moved[:, b] - moved[:, a])
        found.append(moved)
    return molecule, np.concatenate(found)


@pytest.mark.slow
@pytest.mark.parametrize("smiles", SMILES)
@pytest.mark.parametrize("hydrogens", [True, False])
def test_what_posebusters_fails_ours_fails(smiles, hydrogens):
    molecule, frames = perturbed(smiles)
    frames = frames if hydrogens else frames[:, : molecule.n_heavy]
    theirs = passes(molecule, frames)
    ours = frame_valid(molecule, frames)
    assert theirs[:2].all() and ours[:2].all()  # the relaxed ones
    assert 5 < (~theirs).sum() < len(theirs)
    assert not (ours & ~theirs).any()


@pytest.mark.slow
def test_what_posebusters_does_not_see():
    for smiles, smarts, value in (("CCN=[N+]=[N-]", "N=[N+]=[N-]", 136.0), ("CC(=O)NC", "O=CN[CH3]", 90.0)):
        molecule, frames = set_coordinate(smiles, smarts, [value])
        assert passes(molecule, frames).all() and not frame_valid(molecule, frames).any()


def passes(molecule, frames) -> np.ndarray:
    """What PoseBusters' `mol` says of the geometry of each frame."""
    buster = posebusters.PoseBusters(config="mol")
    buster.config["modules"] = [m for m in buster.config["modules"] if m["function"] != "energy_ratio"]
    buster.config["modules"] = [m for m in buster.config["modules"] if m["function"] != "inchi_convertible"]
    mols = [with_frame(molecule, frame) for frame in frames]
    for mol in mols:
        Chem.SanitizeMol(mol)
    table = buster.bust(mol_pred=mols)
    return table[list(GEOMETRY)].to_numpy(dtype=bool).all(axis=1)
