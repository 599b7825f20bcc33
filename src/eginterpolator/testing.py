"""What a network or a sampler of one's own must satisfy, as assertions that a test of any package can call.

    from eginterpolator import testing
    from eginterpolator.models.registry import build_denoiser

    denoiser = build_denoiser({"class": "MyNetwork", "hidden": 16}, {"class": "Preconditioned"})
    testing.assert_equivariant(denoiser)
    testing.assert_parity_follows_stereo(denoiser)
    testing.assert_independent_of_batch(denoiser)
    testing.assert_sampler_reaches_gaussian(my_sampler)

A fresh network often returns zeros, for which every assertion holds: `shaken` gives it weights that matter.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.errors import GenerationError
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.nn.graph_batch import GraphBatch, centre

CHIRAL, FLAT = "CC[C@H](O)C#CCOC", "CCOC(=O)CC"
FRAME_PS = 5.2
TOLERANCE = 2e-4
"""Largest difference over the largest value; float32 and a few layers reach 1e-5."""


def molecule_batch(*smiles: str, n_frames: int = 4, noise: float = 0.4, seed: int = 0) -> tuple[Tensor, GraphBatch]:
    """Noisy frames of molecules of one size or of several, and their padded graphs.

    Parameters
    ----------
    smiles : str
    n_frames : int
    noise : float
        Standard deviation of the noise on ETKDG's coordinates, Å.

    Returns
    -------
    float32 [B, n_frames, N, 3], GraphBatch
        Centred, Å; 0 at padding.

    Raises
    ------
    InputError, GenerationError
        For a SMILES that is none, or that RDKit cannot embed.
    """
    molecules = [Molecule.from_smiles(each) for each in smiles]
    graph = collate_graphs([featurize(molecule) for molecule in molecules])
    generator = torch.Generator().manual_seed(seed)
    x = torch.zeros(len(molecules), n_frames, graph.mask.shape[1], 3)
    for row, molecule in zip(x, molecules, strict=True):
        mol = embed(molecule, 1, seed)
        if not mol.GetNumConformers():
            raise GenerationError(f"RDKit cannot embed {molecule.smiles}; test with another molecule.")
        heavy = torch.from_numpy(mol.GetConformer().GetPositions()[: molecule.n_heavy]).float()
        row[:, : len(heavy)] = heavy + noise * torch.randn(n_frames, *heavy.shape, generator=generator)
    return centre(x, graph.mask), graph


def shaken(denoiser: Denoiser, seed: int = 0) -> Denoiser:
    """A copy in evaluation mode whose every weight is random and large enough to matter."""
    denoiser = copy.deepcopy(denoiser).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in denoiser.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(0.6 * weight.shape[-1] ** -0.5 * noise if weight.ndim > 1 else weight + 0.1 * noise)
    return denoiser


def assert_equivariant(
    denoiser: Denoiser, smiles: Sequence[str] = (CHIRAL, FLAT), tolerance: float = TOLERANCE
) -> None:
    """Turned and shifted input gives turned output, D(x R^T + t) = D(x) R^T; and atoms in another order likewise.

    Raises
    ------
    AssertionError
    """
    for each in smiles:
        x, graph = molecule_batch(each)
        plain = _denoised(denoiser, x, graph)
        turn = _rotation()
        moved = _denoised(denoiser, x @ turn.T + torch.tensor([1.0, -2.0, 3.0]), graph)
        _assert_close(moved, plain @ turn.T, tolerance, f"{each}: a rotation of the input does not rotate the output")
        order = torch.randperm(x.shape[2], generator=torch.Generator().manual_seed(1))
        permuted = _denoised(denoiser, x[:, :, order], _permuted(graph, order))
        _assert_close(permuted, plain[:, :, order], tolerance, f"{each}: the output depends on the order of the atoms")


def assert_parity_follows_stereo(denoiser: Denoiser, smiles: str = CHIRAL, tolerance: float = TOLERANCE) -> None:
    """The mirror image of the input gives that of the output only where the signs of the triples change as well.

    A network of distances alone fails: it cannot tell R from S. The codes of R and S stay as they are: a network may
    read more than symmetry asks for out of them.

    Raises
    ------
    AssertionError
    """
    x, graph = molecule_batch(smiles)
    plain = _denoised(denoiser, x, graph)
    mirrored = _denoised(denoiser, -x, replace(graph, signs=-graph.signs))
    _assert_close(mirrored, -plain, tolerance, f"{smiles}: the mirror image is not that of the other isomer")
    same = _denoised(denoiser, -x, graph)
    scale = float(plain.abs().max())
    if float((same + plain).abs().max()) <= 10 * tolerance * scale:
        raise AssertionError(f"{smiles}: the network is blind to stereo; it treats mirror images alike.")


def assert_independent_of_batch(
    denoiser: Denoiser, smiles: Sequence[str] = (CHIRAL, FLAT), tolerance: float = TOLERANCE
) -> None:
    """A molecule alone gives what it gives beside others, padded.

    Raises
    ------
    AssertionError
    """
    x, graph = molecule_batch(*smiles)
    together = _denoised(denoiser, x, graph)
    for row, each in enumerate(smiles):
        alone = collate_graphs([featurize(Molecule.from_smiles(each))])
        n = alone.mask.shape[1]
        got = _denoised(denoiser, x[row : row + 1, :, :n], alone)
        _assert_close(together[row : row + 1, :, :n], got, tolerance, f"{each}: the output depends on the batch")


def assert_given_frames_stay(denoiser: Denoiser, smiles: str = CHIRAL) -> None:
    """Conditioning frames come back as they went in, bit for bit.

    Raises
    ------
    AssertionError
    """
    x, graph = molecule_batch(smiles)
    predicted = torch.ones(x.shape[:2], dtype=torch.bool)
    predicted[:, 0] = False
    out = _denoised(denoiser, x, graph, predicted)
    if not torch.equal(out[:, 0], x[:, 0]):
        raise AssertionError(f"{smiles}: a given frame is moved.")


def sampler_moments(
    sampler: Callable[..., Tensor], levels: Sequence[float], mean: float, spread: float, **options: Any
) -> tuple[float, float]:
    """Mean and standard deviation of what a sampler makes of N(mean, spread^2), without statistical error.

    The exact denoiser of Gaussian data is D(x) = mean + spread^2 / (spread^2 + sigma^2) (x - mean), so that a sampler
    is affine in its start and in each draw of noise: one column of the state for each of them gives the moments.

    Parameters
    ----------
    sampler : callable
        As those of `diffusion.samplers`: `sampler(denoise, x, levels, noise, level, **options)`.
    levels : sequence of float
        Decreasing noise levels, the last one 0.
    """
    columns = 2 + 4 * len(levels)
    state = torch.full((columns,), mean, dtype=torch.float64)
    state[1] += math.hypot(spread, levels[0])
    unused = iter(range(2, columns))

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return mean + spread**2 / (spread**2 + sigma**2) * (x - mean)

    def noise() -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(next(unused)), columns).double()

    result = sampler(denoise, state, list(levels), noise, lambda sigma: sigma, **options)
    return float(result[0]), float((result[1:] - result[0]).norm())


def assert_sampler_reaches_gaussian(
    sampler: Callable[..., Tensor], steps: int = 60, tolerance: float = 0.05, **options: Any
) -> None:
    """On Gaussian data with the exact denoiser a sampler gives its mean and spread, within `tolerance` of the spread.

    Raises
    ------
    AssertionError
    """
    levels = [float(level) for level in Preconditioned().levels(steps)]
    mean, spread = 0.7, 1.3
    got = sampler_moments(sampler, levels, mean, spread, **options)
    for name, value, wanted in zip(("mean", "spread"), got, (mean, spread), strict=True):
        if not abs(value - wanted) <= tolerance * spread:
            raise AssertionError(f"The {name} of a Gaussian comes out as {value:.4g} instead of {wanted:.4g}.")


def _denoised(denoiser: Denoiser, x: Tensor, graph: GraphBatch, predicted: Tensor | None = None) -> Tensor:
    predicted = torch.ones(x.shape[:2], dtype=torch.bool) if predicted is None else predicted
    sigma = torch.where(predicted, 0.6, 0.0)
    with torch.no_grad():
        return denoiser(x, sigma, graph, predicted, FRAME_PS)


def _assert_close(got: Tensor, wanted: Tensor, tolerance: float, what: str) -> None:
    worst = float((got - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12))
    if not worst <= tolerance:
        raise AssertionError(f"{what} (off by {worst:.2g} of the largest value).")


def _rotation() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    q = q * torch.sign(torch.diagonal(r))
    return (q * torch.sign(torch.linalg.det(q))).float()


def _permuted(graph: GraphBatch, order: Tensor) -> GraphBatch:
    """The same molecules with atom order[k] in place of atom k."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return replace(
        graph,
        codes=graph.codes[:, order],
        charges=graph.charges[:, order],
        edges=graph.edges[:, order][:, :, order],
        mask=graph.mask[:, order],
        triples=place[graph.triples],
        times_ps=graph.times_ps[:, order],
    )
