"""Graphs in one batch: each whole, nothing between them."""

from __future__ import annotations

import torch

from eginterpolator.data.batching import collate_graphs
from tests.builders.networks import graph
from tests.builders.records import SMILES


def test_collated_graphs_hold_each_graph_and_nothing_else():
    batch = collate_graphs([graph(s) for s in SMILES], [0, 1, 0], n_atoms=10, n_triples=4)
    assert batch.mask.sum(dim=1).tolist() == batch.n_atoms.tolist() == [9, 3, 5]
    assert batch.ensemble.tolist() == [0, 1, 0]
    for k, smiles in enumerate(SMILES):
        one = graph(smiles)
        n, t = one.n_atoms, len(one.signs)
        for name, size in (("codes", (n,)), ("charges", (n,)), ("edges", (n, n)), ("triples", (t,)), ("signs", (t,))):
            row, wanted = getattr(batch, name)[k], torch.from_numpy(getattr(one, name))
            inside = tuple(slice(length) for length in size)
            assert torch.equal(row[inside], wanted)
            row = row.clone()
            row[inside] = 0
            assert not row.any()
        pairs = batch.pair_mask()[k]
        assert pairs.sum() == n * (n - 1) and not pairs.diagonal().any()
