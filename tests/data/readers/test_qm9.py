"""QM9: rows become molecules with their geometry, or are refused with a reason."""

from __future__ import annotations

import ast
import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule, flat_smiles
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.readers.qm9 import qm9_record, qm9_rows, read_qm9
from eginterpolator.errors import InputError
from eginterpolator.simulation.starts import start_conformers


@pytest.fixture(scope="module")
def rows():
    return list(islice(qm9_rows(), 400))


def test_qm9_rows_become_molecules_with_their_geometry(rows):
    dropped: Counter[str] = Counter()
    chiral = 0
    for row in rows:
        try:
            got = qm9_record(row)
        except InputError as error:
            dropped[str(error)] += 1
            continue
        mol = got.molecule
        assert flat_smiles(row["SMILES"]) == mol.smiles_flat and got.name == f"qm9_{int(row['Index']):06d}"
        assert got.ensemble == "minimum" and got.conformers.shape == (1, int(row["N_atoms"]), 3)
        table = np.array(ast.literal_eval(row["XYZ_Ang"]), dtype=np.float32)
        np.testing.assert_array_equal(np.sort(got.conformers[0], axis=0), np.sort(table, axis=0))
        x = got.conformers[0]
        for bond in mol.rdmol.GetBonds():
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            assert np.linalg.norm(x[i] - x[j]) < (1.2 if max(i, j) >= mol.n_heavy else 1.75)
        assert frame_stereo(mol, got.conformers).all()
        chiral += bool(len(mol.triples))
        mirrored = qm9_record(row, mirror=True)
        assert frame_stereo(mirrored.molecule, mirrored.conformers).all()
        flipped = Chem.MolFromSmiles(mol.smiles)
        for atom in flipped.GetAtoms():
            atom.InvertChirality()
        assert Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(flipped))) == Chem.MolToSmiles(
            Chem.MolFromSmiles(mirrored.molecule.smiles)
        )
    assert sum(dropped.values()) <= 4 and chiral > 20


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"SMILES": "C(C)(C)(C)(C)C"}, "not sanitised"),
        ({"SMILES": "C.CO"}, "fragments"),
        ({"SMILES": "OCC"}, "another order"),
        ({"SMILES": "C=CO"}, "hydrogens elsewhere"),
    ],
)
def test_qm9_rows_that_do_not_fit_are_refused(rows, change, reason):
    ethanol = next(row for row in rows if row["SMILES"] == "CCO")
    assert qm9_record(ethanol).molecule.smiles == "CCO"
    with pytest.raises(InputError, match=reason):
        qm9_record({**ethanol, **change})


def test_qm9_bonds_and_hydrogens_are_checked_against_the_geometry(rows):
    ethanol = next(row for row in rows if row["SMILES"] == "CCO")
    positions = np.array(ast.literal_eval(ethanol["XYZ_Ang"]))
    stretched = positions.copy()
    stretched[2] += (stretched[2] - stretched[1]) * 0.5
    swapped = positions.copy()
    swapped[-1] = swapped[0] + 0.6  # the hydroxyl hydrogen sits on the first carbon
    for changed, reason in ((stretched, "bond longer"), (swapped, "hydrogens elsewhere")):
        with pytest.raises(InputError, match=reason):
            qm9_record({**ethanol, "XYZ_Ang": str(changed.tolist())})


def test_qm9_counts_what_it_drops(rows, monkeypatch):
    bad = {**rows[0], "SMILES": "C.C"}
    monkeypatch.setattr("eginterpolator.data.readers.qm9.qm9_rows", lambda: iter([rows[0], bad, bad, rows[1]]))
    dropped: Counter[str] = Counter()
    assert [item.molecule.smiles for item in read_qm9(dropped)] == ["C", "N"]
    assert dropped == {"several fragments": 2}


def test_qm9_isomers_come_from_the_geometry() -> None:
    from eginterpolator.data.readers.qm9 import qm9_record

    source = Molecule.from_smiles("C[C@H](O)CC")
    start = start_conformers(source, 1)[0]
    symbols = [atom.GetSymbol() for atom in source.rdmol.GetAtoms()]

    def row(positions: np.ndarray) -> dict[str, str]:
        return {
            "Index": "1", "SMILES": "CC(O)CC", "Elements": str(symbols), "XYZ_Ang": json.dumps(positions.tolist()),
        }  # fmt: skip

    assert qm9_record(row(start)).molecule.smiles == source.smiles
    assert qm9_record(row(start), mirror=True).molecule.smiles == Molecule.from_smiles("C[C@@H](O)CC").smiles
    shuffled = start.copy()
    shuffled[[0, 4]] = shuffled[[4, 0]]
    shuffled[[1, 3]] = shuffled[[3, 1]]
    with pytest.raises(InputError, match="bond longer"):
        qm9_record(row(shuffled))
