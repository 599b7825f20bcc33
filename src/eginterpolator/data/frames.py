"""Frames of many molecules in memory, ready for training: padded arrays made once from stores, then cached."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from eginterpolator.chemistry.codes import COLUMNS, FEATURIZER_VERSION, TEMPERATURE_K, ensemble_code
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.torsion_times import TorsionTimes, shipped_times
from eginterpolator.data.store import Record, Store
from eginterpolator.data.torsion_fit import unseen_times
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path, sha256
from eginterpolator.nn.graph_batch import GraphBatch

OF_FRAMES = ("positions", "temperature")
"""Arrays of a `FrameSet` with a row a frame; the others have one a molecule."""


@dataclass(frozen=True)
class FrameSet:
    """M molecules of at most N heavy atoms and K stereo triples, with F frames in all.

    Attributes
    ----------
    keys : str [M]
        Canonical SMILES without stereo, by which splits are made.
    codes, charges, edges, triples, signs, ensemble, times_ps
        As in GraphBatch, in small types, [M, ...].
    n_atoms : int64 [M]
    positions : float32 [F, N, 3]
        Heavy-atom frames, Å, centred, 0 at padding; the frames of a trajectory in order and superposed on its first.
    temperature : float32 [F]
        Of each frame's thermostat, K.
    start, replicas, length : int64 [M]
        Frames of molecule m: start[m] + replica * length[m] + frame. Loose conformers count as replicas of length 1.
    frame_ps : float32 [M]
        0 for loose conformers.
    """

    keys: np.ndarray
    codes: np.ndarray
    charges: np.ndarray
    edges: np.ndarray
    triples: np.ndarray
    signs: np.ndarray
    ensemble: np.ndarray
    times_ps: np.ndarray
    n_atoms: np.ndarray
    positions: np.ndarray
    temperature: np.ndarray
    start: np.ndarray
    replicas: np.ndarray
    length: np.ndarray
    frame_ps: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def graphs(self, index: np.ndarray, size: int | None = None, frame: np.ndarray | None = None) -> GraphBatch:
        """Batch of the molecules `index` [B], padded to `size` atoms, by default to what the set is padded to.

        Temperatures are those of the frames `frame` [B], by default of each molecule's first.
        """
        mask = np.arange(self.codes.shape[1])[:size] < self.n_atoms[index, None]
        arrays = (
            self.codes[index, :size].astype(np.int64),
            self.charges[index, :size],
            self.edges[index, :size, :size].astype(np.int64),
            mask,
            self.triples[index].astype(np.int64),
            self.signs[index].astype(np.float32),
            self.ensemble[index].astype(np.int64),
            self.temperature[self.start[index] if frame is None else frame],
            self.times_ps[index, :size],
        )
        return GraphBatch(*(torch.from_numpy(array) for array in arrays))

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Numbers of the frames of the molecules where `chosen` [M] is true: int64."""
        ends = self.start + self.replicas * self.length
        each = [np.arange(low, high) for low, high in zip(self.start[chosen], ends[chosen], strict=True)]
        return np.concatenate(each) if each else np.zeros(0, dtype=np.int64)

    def select(self, keep: np.ndarray) -> FrameSet:
        """The molecules where `keep` [M] is true; frames are shared, not copied."""
        values = {name: value if name in OF_FRAMES else value[keep] for name, value in vars(self).items()}
        return FrameSet(**values)


def build_frames(records: Iterable[Record], max_atoms: int, max_triples: int, axes: bool = False) -> FrameSet:
    """Collect records; molecules with more heavy atoms or stereo triples than the limits are refused.

    With `axes` the graphs say the handedness of axes of chirality; see `featurize`.

    Raises
    ------
    InputError
        When a molecule is over a limit, or there is none.
    """
    return _collect(((record, shipped_times()) for record in records), max_atoms, max_triples, axes)


def _collect(records: Iterable[tuple[Record, TorsionTimes]], max_atoms: int, max_triples: int, axes: bool) -> FrameSet:
    """Records, each with the times of torsions for its molecule."""
    rows: dict[str, list] = {name: [] for name in FrameSet.__dataclass_fields__}
    n_frames = 0
    for record, times in records:
        molecule = record.molecule
        graph = featurize(molecule, times, axes)
        n, k = graph.n_atoms, len(graph.signs)
        if n > max_atoms or k > max_triples:
            raise InputError(
                f"'{record.name}' has {n} heavy atoms and {k} stereo triples: more than data.max_atoms = {max_atoms} "
                f"or data.max_triples = {max_triples}; raise them in the config."
            )
        for array, ensemble, temperatures_K in record.parts():
            blocks = array[:, None] if array.ndim == 3 else array  # [R, T, n_atoms, 3]
            frames = superpose(blocks[:, :, :n].astype(np.float64)).astype(np.float32)
            rows["keys"].append(molecule.held_out_key)
            rows["codes"].append(_pad(graph.codes, (max_atoms, len(COLUMNS)), np.uint8))
            rows["charges"].append(_pad(graph.charges, (max_atoms,), np.float32))
            rows["edges"].append(_pad(graph.edges, (max_atoms, max_atoms), np.uint8))
            rows["triples"].append(_pad(graph.triples, (max_triples, 4), np.uint8))
            rows["signs"].append(_pad(graph.signs, (max_triples,), np.int8))
            rows["times_ps"].append(_pad(graph.times_ps, (max_atoms,), np.float32))
            rows["ensemble"].append(ensemble_code(ensemble))
            rows["n_atoms"].append(n)
            rows["positions"].append(_pad(frames.reshape(-1, n, 3), (blocks[..., 0, 0].size, max_atoms, 3), np.float32))
            rows["start"].append(n_frames)
            rows["replicas"].append(blocks.shape[0])
            rows["length"].append(blocks.shape[1])
            kelvin = np.full(blocks[..., 0, 0].size, record.temperature_K or TEMPERATURE_K, dtype=np.float32)
            if temperatures_K is not None:
                kelvin[:] = np.where(temperatures_K > 0, temperatures_K, TEMPERATURE_K)  # minima have none
            rows["temperature"].append(kelvin)
            rows["frame_ps"].append(record.frame_ps if array.ndim == 4 else 0.0)
            n_frames += blocks.shape[0] * blocks.shape[1]
    if not rows["keys"]:
        raise InputError("The dataset has no molecule to train on.")
    of_frames = {name: np.concatenate(rows.pop(name)) for name in OF_FRAMES}
    return FrameSet(**of_frames, **{name: np.array(values) for name, values in rows.items()})


def load_frames(
    paths: Iterable[str | os.PathLike[str]], max_atoms: int, max_triples: int, axes: bool = False
) -> FrameSet:
    """Frames of whole stores, from a cache beside the first one where its key still fits.

    Molecules of stores that the times of torsions were measured on get the times that the others tell.

    Raises
    ------
    InputError
        When no store is named, one is missing or damaged, or a molecule is over a limit.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise InputError("A source of training data names no store; list its files under 'stores'.")
    stamp = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    times = shipped_times()
    made_by = (max_atoms, max_triples, axes, FEATURIZER_VERSION, sorted(FrameSet.__dataclass_fields__))
    key = (stamp, made_by, times.digest, sorted(times.stores), times.held_out)
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    cache = files[0].with_name(f".{files[0].stem}.{digest}.npz")
    if cache.is_file():
        with np.load(cache) as arrays:
            return FrameSet(**arrays)
    with contextlib.ExitStack() as stack:
        stores = {file: stack.enter_context(Store(file)) for file in files}
        measured = {file for file in files if sha256(file) in times.stores}
        records = (
            (record, unseen_times(times, record) if file in measured else times)
            for file, store in stores.items()
            for record in store
        )
        frames = _collect(records, max_atoms, max_triples, axes)
    with atomic_path(cache) as temporary:
        np.savez(temporary, **asdict(frames))
    return frames


def superpose(blocks: np.ndarray) -> np.ndarray:
    """Centre each frame of blocks [R, T, N, 3] and rotate it onto frame 0 of its replica (Kabsch 1976)."""
    centred = blocks - blocks.mean(axis=2, keepdims=True)
    if blocks.shape[1] == 1 or blocks.shape[2] == 1:
        return np.asarray(centred)
    covariance = np.einsum("rni,rtnj->rtij", centred[:, 0], centred)
    u, _, vt = np.linalg.svd(covariance)
    u[..., -1] *= np.sign(np.linalg.det(u @ vt))[..., None]
    return np.asarray(np.einsum("rtij,rtnj->rtni", u @ vt, centred))


def _pad(array: np.ndarray, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    result: np.ndarray = np.zeros(shape, dtype=dtype)
    result[tuple(slice(size) for size in array.shape)] = array
    return result
