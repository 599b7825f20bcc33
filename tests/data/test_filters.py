"""Which molecules and structures are left out of a dataset, and why."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.filters import Dropped, checked, graph_holds, same_stereo
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule


def placed(smiles: str) -> Chem.Mol:
    return with_conformers(molecule(smiles).rdmol, geometry(smiles)[None])


@pytest.mark.parametrize(
    "mol, smiles, reason",
    [
        (Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False), "CCC", "does not sanitise"),
        (Chem.MolFromSmiles("CC.O"), "CC", "several fragments"),
        (Chem.MolFromSmiles("CCO"), "CCO", "no 3D structure"),
        (placed("CCO"), "COC", "its graph is not that of its SMILES"),
        (placed("CCO"), "C(C", "its SMILES is not valid"),
        (placed("CCO"), "CCO.Cl", "several fragments"),
        (Chem.RemoveHs(placed("CCO")), "CCO", "hydrogens are missing"),
    ],
)
def test_a_filter_says_why(mol, smiles, reason):
    with pytest.raises(InputError, match=reason):
        checked(mol, smiles, "name")


def test_what_passes_the_filters_keeps_its_atoms():
    order = np.random.default_rng(0).permutation(molecule(CHIRAL).n_atoms).tolist()
    mol = Chem.RenumberAtoms(placed(CHIRAL), order)
    found, index = checked(mol, MIRRORED, "name")  # the graph is the same, the structure decides the stereo
    assert found.smiles == molecule(CHIRAL).smiles and found.name == "name"
    positions = mol.GetConformer().GetPositions()[index]
    np.testing.assert_allclose(positions, found.rdmol.GetConformer().GetPositions())
    assert graph_holds(found, positions[None])[0]
    assert same_stereo(found, CHIRAL) and not same_stereo(found, MIRRORED) and same_stereo(found, "CCC(O)C#CCOC")


def test_bonds_of_a_structure_are_compared_with_the_graph():
    ethanol, x = molecule("CCO"), geometry("CCO")
    torn, touching = x.copy(), x.copy()
    torn[2] += 1.0
    touching[2] = touching[0] + [0.0, 0.0, 1.4]  # the oxygen on the first carbon
    assert graph_holds(ethanol, np.stack([x, torn, touching, x * np.nan, x + 5.0])).tolist() == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_names_of_what_was_dropped_are_bounded_and_counts_are_not():
    dropped = Dropped()
    for k in range(100):
        dropped.molecule("reason", f"m{k}")
    dropped.structure("other", "m0", 3)
    dropped.structure("nothing", "m0", 0)
    assert dropped.molecules == 100 and len(dropped.names["reason"]) == 20
    assert dropped.manifest()["dropped_structures"] == {"other": 3}
