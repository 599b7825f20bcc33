"""Pickles of ConfGF and GeoDiff, of both layouts; others are refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from rdkit import Chem

from eginterpolator.data.readers.recognise import open_source
from eginterpolator.errors import InputError
from tests.builders.foreign import HARTREE, mol, read, same_structure
from tests.builders.graph_pickles import pickled
from tests.builders.networks import CHIRAL, molecule


def graph(smiles: str, shift: float = 0.0, **change) -> dict:
    source = mol(smiles, shift)
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in source.GetBonds()]
    edges = sorted([*ends, *[(j, i) for i, j in ends]])
    fields = {
        "atom_type": torch.tensor([atom.GetAtomicNum() for atom in source.GetAtoms()]),
        "pos": torch.tensor(source.GetConformer().GetPositions(), dtype=torch.float32),
        "edge_index": torch.tensor(edges).T.contiguous(),
        "edge_type": torch.ones(len(edges), dtype=torch.int64),
        "rdmol": source,
        "smiles": Chem.MolToSmiles(Chem.RemoveHs(source)),
        "totalenergy": torch.tensor([-10.0]),
        "boltzmannweight": torch.tensor([0.25]),
    }
    return {key: value for key, value in {**fields, **change}.items() if value is not None}


@pytest.mark.parametrize("layout", [1, 2])
def test_confgf_pickles(tmp_path, layout):
    first, second = tmp_path / "train_data_40k.pkl", tmp_path / "val_data_5k.pkl"
    first.write_bytes(pickled([graph(CHIRAL), graph("CCO"), graph(CHIRAL, 1.0)], layout))
    references = graph(
        "CCN", pos=None, pos_ref=np.concatenate([mol("CCN", k).GetConformer().GetPositions() for k in (0, 5)])
    )
    wrong = graph("CCF", atom_type=torch.zeros(8, dtype=torch.int64))
    lacking = graph("CCCl", edge_index=torch.tensor([[0], [1]]))
    second.write_bytes(pickled([references, wrong, lacking], layout))
    records, dropped = read(open_source([first, second]))
    assert list(records) == ["train_data_40k_000000", "train_data_40k_000001", "val_data_5k_000002"]
    chiral, packed = records["train_data_40k_000000"], records["val_data_5k_000002"]
    assert chiral.molecule.smiles == molecule(CHIRAL).smiles and chiral.weights == pytest.approx([0.5, 0.5])
    assert chiral.energies_kcal == pytest.approx([-10.0 * HARTREE] * 2)
    for k in (0, 1):
        same_structure(chiral.conformers[k], mol(CHIRAL, k), chiral)
        same_structure(packed.conformers[k], mol("CCN", 5.0 * k), packed)
    assert packed.weights is None and packed.energies_kcal is None
    assert dropped.structures == {
        "atom types that are not those of its rdmol": 1,
        "edges that lack a bond of its rdmol": 1,
    }
    assert dropped.counts == {"no conformer": 2}


@pytest.mark.parametrize(
    "content, message",
    [
        (pickle.dumps([1, 2]), "no list of graph objects"),
        (pickle.dumps({"conformers": []}), "no list of graph objects"),
        (pickled([{"pos": torch.zeros(1, 3)}]), "Graph 0 .* has no field 'rdmol'"),
        (b"cos\nsystem\n(S'touch mark'\ntR.", "refused and nothing of it was run"),
        (pickled([{"smiles": "C", "rdmol": None}])[:-40], "damaged or no pickle"),
    ],
)
def test_other_pickles_are_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source([tmp_path / "a.pkl"])
    assert not (tmp_path / "mark").exists()
