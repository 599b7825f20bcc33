"""Symmetries that every network has: rotations, translations, permutations, padding, and a parity that is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from eginterpolator.data.batching import collate_graphs
from tests.builders.networks import (
    CHIRAL,
    FRAME_PS,
    MIRROR,
    MIRRORED,
    MODELS,
    all_predicted,
    frames,
    graph,
    graphs,
    molecule,
    network,
    permuted,
    raw,
    relative_error,
    rotations,
)

T = 5
TOLERANCE = 1e-4


@pytest.fixture(params=MODELS, scope="module")
def denoiser(request):
    return network(request.param)


def test_rotation_and_translation(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    base = raw(denoiser, x, batch)
    assert base.abs().max() > 0.1
    for rotation in rotations(3):
        moved = x @ rotation.T + torch.tensor([3.0, -2.0, 5.0])
        assert relative_error(raw(denoiser, moved, batch), base @ rotation.T) < TOLERANCE
    # the test can fail: the outputs before and after are not the same
    assert relative_error(raw(denoiser, x @ rotations(1)[0].T, batch), base) > 0.1


def test_a_translation_of_single_frames_changes_nothing(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    shift = torch.arange(T)[None, :, None, None] * torch.tensor([1.0, 0.5, -0.3])
    assert relative_error(raw(denoiser, x + shift, batch), raw(denoiser, x, batch)) < TOLERANCE


def test_a_mirror_image_needs_the_other_signs(denoiser):
    """The signs decide: R/S labels are features of the atoms, which the two isomers learn each for itself."""
    x, batch, other = frames(CHIRAL, T), graphs(CHIRAL), graphs(MIRRORED)
    mirrored = raw(denoiser, x, batch) * MIRROR
    assert relative_error(raw(denoiser, x * MIRROR, batch), mirrored) > 0.01
    assert relative_error(raw(denoiser, x * MIRROR, replace(batch, signs=other.signs)), mirrored) < TOLERANCE
    assert relative_error(raw(denoiser, x * MIRROR, replace(batch, codes=other.codes)), mirrored) > 0.01


def test_a_molecule_without_stereo_keeps_the_parity(denoiser):
    x, batch = frames("CCOC", T), graphs("CCOC")
    assert relative_error(raw(denoiser, x * MIRROR, batch), raw(denoiser, x, batch) * MIRROR) < TOLERANCE


def test_the_order_of_a_centres_neighbours_does_not_matter(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    swapped = replace(batch, triples=batch.triples[:, :, [0, 2, 1, 3]], signs=-batch.signs)
    assert relative_error(raw(denoiser, x, swapped), raw(denoiser, x, batch)) < TOLERANCE


def test_cis_and_trans_are_told_apart(denoiser):
    cis, trans = "C/C=C\\C#N", "C/C=C/C#N"
    x = frames(trans, T)
    assert relative_error(raw(denoiser, x, graphs(cis)), raw(denoiser, x, graphs(trans))) > 1e-3


def test_permutation_of_atoms(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    order = torch.from_numpy(np.random.default_rng(3).permutation(x.shape[2]))
    got = raw(denoiser, x[:, :, order], permuted(batch, order))
    wanted = raw(denoiser, x, batch)[:, :, order]
    assert relative_error(got, wanted) < TOLERANCE


@pytest.mark.parametrize("padding", [0, 4])
def test_the_output_does_not_depend_on_the_batch(denoiser, padding):
    smiles = [CHIRAL, "CO", "C[C@H](O)[C@@H](C)C#N"]
    size = max(molecule(s).n_heavy for s in smiles) + padding
    batch = graphs(*smiles, n_atoms=size, n_triples=12)
    x = 50 * torch.randn((3, T, size, 3), generator=torch.Generator().manual_seed(0))  # nonsense at padding
    singles = [frames(s, T) for s in smiles]
    for k, single in enumerate(singles):
        x[k, :, : single.shape[2]] = single
    together = raw(denoiser, x, batch)
    for k, (s, single) in enumerate(zip(smiles, singles, strict=True)):
        alone, n = raw(denoiser, single, graphs(s)), single.shape[2]
        torch.testing.assert_close(together[k, :, :n], alone[0], rtol=1e-5, atol=1e-5)
        assert (together[k, :, n:] == 0).all()


def test_the_noise_level_and_the_ensemble_are_seen(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    base = raw(denoiser, x, batch)
    assert relative_error(raw(denoiser, x, batch, sigma=0.3), base) > 0.01
    other = collate_graphs([graph(CHIRAL)], [1])
    assert relative_error(raw(denoiser, x, other), base) > 0.01


def test_denoised_frames_are_centred_and_finite(denoiser):
    x = 10.0 + frames(CHIRAL, T)
    sigma = torch.full(x.shape[:2], 0.6)
    with torch.no_grad():
        clean = denoiser(x, sigma, graphs(CHIRAL), all_predicted(x), FRAME_PS)
    assert torch.isfinite(clean).all()
    torch.testing.assert_close(clean.mean(dim=2), torch.zeros(1, T, 3), atol=1e-5, rtol=0)
