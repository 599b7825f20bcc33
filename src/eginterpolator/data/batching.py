"""Graphs of several molecules -> one padded GraphBatch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from eginterpolator.chemistry.codes import COLUMNS, TEMPERATURE_K
from eginterpolator.chemistry.graph import Graph
from eginterpolator.nn.graph_batch import GraphBatch


def collate_graphs(
    graphs: Sequence[Graph],
    ensembles: Sequence[int] | None = None,
    n_atoms: int | None = None,
    n_triples: int | None = None,
    temperatures: Sequence[float] | None = None,
) -> GraphBatch:
    """Pad graphs to `n_atoms` and `n_triples` (by default the largest of the batch) and stack them.

    Without `ensembles` (indices into `ENSEMBLES`) they are in implicit water, without `temperatures` (K) at 300 K.
    """
    size = n_atoms or max(graph.n_atoms for graph in graphs)
    rows = max(len(graph.signs) for graph in graphs) if n_triples is None else n_triples
    count = len(graphs)
    codes = np.zeros((count, size, len(COLUMNS)), dtype=np.int64)
    charges = np.zeros((count, size), dtype=np.float32)
    edges = np.zeros((count, size, size), dtype=np.int64)
    mask = np.zeros((count, size), dtype=bool)
    triples = np.zeros((count, rows, 4), dtype=np.int64)
    signs = np.zeros((count, rows), dtype=np.float32)
    times = np.zeros((count, size), dtype=np.float32)
    for k, graph in enumerate(graphs):
        n, t = graph.n_atoms, len(graph.signs)
        codes[k, :n] = graph.codes
        charges[k, :n] = graph.charges
        edges[k, :n, :n] = graph.edges
        mask[k, :n] = True
        triples[k, :t] = graph.triples
        signs[k, :t] = graph.signs
        times[k, :n] = graph.times_ps
    labels = np.zeros(count, dtype=np.int64) if ensembles is None else np.asarray(ensembles, dtype=np.int64)
    kelvin = np.full(count, TEMPERATURE_K, dtype=np.float32)
    if temperatures is not None:
        kelvin[:] = temperatures
    arrays = (codes, charges, edges, mask, triples, signs, labels, kelvin, times)
    return GraphBatch(*(torch.from_numpy(array) for array in arrays))
