"""Small molecules, random networks and comparisons that the tests of networks and training share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from rdkit.Chem import AllChem
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from eginterpolator.chemistry.graph import Graph, featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.models.denoiser import Denoiser, NoisyFrames
from eginterpolator.models.registry import build_denoiser
from eginterpolator.nn.graph_batch import GraphBatch

CHIRAL, MIRRORED = "CC[C@H](O)C#CCOC", "CC[C@@H](O)C#CCOC"
STRUCTURE = {"hidden": 16, "channels": 4, "layers": 2}
MODELS = {
    "structure": {"class": "BasicES", **STRUCTURE},
    "cascaded": {"class": "CascadedInterpolator", "structure": STRUCTURE, "hidden": 12, "channels": 3, "heads": 2},
    "blockwise": {"class": "BlockwiseInterpolator", "structure": STRUCTURE, "heads": 2},
}
CONDITIONS = {"ensembles": 4, "temperatures": True}
"""Of a network that is told its solvent and temperature."""
INTERPOLATORS = ("cascaded", "blockwise")
FRAME_PS = 5.2
WINDOW = 8
MIRROR = torch.tensor([-1.0, 1.0, 1.0])


@cache
def molecule(smiles: str) -> Molecule:
    return Molecule.from_smiles(smiles)


@cache
def graph(smiles: str) -> Graph:
    return featurize(molecule(smiles))


def graphs(*smiles: str, **padding: int) -> GraphBatch:
    return collate_graphs([graph(s) for s in smiles], **padding)


@cache
def geometry(smiles: str) -> np.ndarray:
    """Coordinates of all atoms from ETKDG, centred on the heavy ones."""
    mol = AllChem.Mol(molecule(smiles).rdmol)
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
    positions = mol.GetConformer().GetPositions()
    return positions - positions[: molecule(smiles).n_heavy].mean(axis=0)


def frames(smiles: str, n_frames: int, noise: float = 0.4, seed: int = 0) -> Tensor:
    """Noisy heavy-atom frames, float32 [1, n_frames, N, 3]."""
    heavy = geometry(smiles)[: molecule(smiles).n_heavy]
    random = np.random.default_rng(seed).standard_normal((1, n_frames, *heavy.shape))
    return torch.from_numpy((heavy + noise * random).astype(np.float32))


def network(kind: str, seed: int = 0, **other: Any) -> Denoiser:
    """A tiny denoiser with random weights, also where layers start at zero; `other` sizes than `MODELS` has."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        denoiser = build_denoiser({**MODELS[kind], **other}, Preconditioned(sigma_data=1.5).config())
    shake(denoiser, seed)
    return denoiser.eval()


def shake(module: nn.Module, seed: int = 0) -> None:
    """Random weights in every layer, large enough for each of them to matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            scale = 0.6 * parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.1
            noise = scale * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise if parameter.ndim > 1 else parameter + noise)


def all_predicted(x: Tensor) -> Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool)


def raw(denoiser: Denoiser, x: Tensor, batch: GraphBatch, strength: float = 1.0, sigma: float = 0.6) -> Tensor:
    """Raw output where no frame is given, all at one noise level."""
    with torch.no_grad():
        return denoiser.raw(NoisyFrames(x, torch.full(x.shape[:2], sigma), batch, all_predicted(x), FRAME_PS, strength))


def rotations(count: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix().astype(np.float32))


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """Largest difference over the largest value."""
    return float((got - wanted).abs().max() / wanted.abs().max())


def permuted(batch: GraphBatch, order: Tensor) -> GraphBatch:
    """The same molecules with atom k in place of atom order[k]."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return replace(
        batch,
        codes=batch.codes[:, order],
        charges=batch.charges[:, order],
        edges=batch.edges[:, order][:, :, order],
        mask=batch.mask[:, order],
        triples=place[batch.triples],
    )
