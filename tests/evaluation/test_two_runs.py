"""Folders, files and datasets side by side: which molecules belong together, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.errors import InputError
from eginterpolator.evaluation.two_runs import compare_side_by_side
from eginterpolator.files.folder import read_molecule_folder
from tests.builders.conformers import FLEXIBLE, write_walks


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sides")
    write_walks(root / "x" / "run" / "good", FLEXIBLE, 2, 60, 5.2)
    write_walks(root / "x" / "run" / "left", "CCCC", 2, 20, 5.2)
    write_walks(root / "y" / "run" / "renamed", FLEXIBLE, 3, 80, 5.2)
    write_walks(root / "y" / "run" / "right", "CCCO", 2, 20, 5.2)
    return root


def test_names_or_graphs_bring_molecules_together(folders):
    found = compare_side_by_side(folders / "x" / "run", folders / "y" / "run")
    assert found.labels == {"a": "x/run", "b": "y/run"} and list(found.pairs) == ["good"]
    assert {f["name"]: f["reason"] for f in found.failures} == {
        "left": "'y/run' does not have it.",
        "right": "'x/run' does not have it.",
    }
    told = found.to_dict()
    assert told["molecules"]["good"]["sides"]["b"]["frames"] == 240 and told["schema_version"] == 1
    assert set(told["summary"]) == {"between", "halves_a", "halves_b"}


def test_any_order_of_atoms_and_any_source_give_the_same(folders, tmp_path):
    one, other = folders / "x" / "run" / "good", folders / "y" / "run" / "renamed"
    expected = compare_side_by_side(one, other).pairs["good"]
    molecule, trajectories, _ = read_molecule_folder(other)
    order = np.random.default_rng(4).permutation(molecule.n_atoms)
    Chem.MolToPDBFile(Chem.RenumberAtoms(trajectories[0].to_rdkit(), order.tolist()), str(tmp_path / "b.pdb"))
    for sides in ((one, tmp_path / "b.pdb"), (tmp_path / "b.pdb", one)):
        found = compare_side_by_side(*sides, files=ImportOptions(frame_ps=5.2))
        assert list(found.pairs) == ["good"] and not found.failures
        first = compare_side_by_side(one, other / "trajectory_000.xtc").pairs["good"]
        pair = found.pairs["good"]
        np.testing.assert_allclose(pair.jsd["torsion"], first.jsd["torsion"], atol=0.02)
    swapped = compare_side_by_side(tmp_path / "b.pdb", one, files=ImportOptions(frame_ps=5.2)).pairs["good"]
    assert swapped.sides["a"].observed.heavy[0].shape[0] == 80 and len(swapped.sides["b"].observed.heavy) == 2
    assert len(expected.sides["b"].observed.heavy) == 3


def test_nothing_in_common_is_said(folders):
    with pytest.raises(InputError, match="have no molecule in common, by name or by graph"):
        compare_side_by_side(folders / "x" / "run" / "left", folders / "y" / "run")
    with pytest.raises(InputError, match="is no file either"):
        compare_side_by_side(folders / "x" / "run", folders / "nothing")


def test_another_molecule_of_the_same_name_is_a_failure(folders, tmp_path):
    write_walks(tmp_path / "z" / "good", "CCCO", 2, 20, 5.2)
    found = compare_side_by_side(folders / "x" / "run", tmp_path / "z")
    reason = next(f["reason"] for f in found.failures if f["name"] == "good")
    assert "and the other is" in reason and "reference" not in reason and not found.pairs
