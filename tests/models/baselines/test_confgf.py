"""ConfGF: its loss is score matching on perturbed distances, blind to the noise level."""

from __future__ import annotations

import pytest
import torch

from eginterpolator.models.baselines.confgf import pair_noise
from eginterpolator.models.baselines.pairs import within_hops
from tests.builders.baselines import denoiser
from tests.builders.networks import CHIRAL, frames, graphs, raw


def test_confgf_loss_is_score_matching_on_perturbed_distances():
    """Worked by hand: the network's scores at d + sigma z against -z, mean over the edges of the 3-hop graph."""
    confgf, batch = denoiser("ConfGF").network, graphs(CHIRAL)
    x, sigma = frames(CHIRAL, 1, noise=0.0), torch.tensor([[0.3]])
    z = pair_noise(torch.tensor([[0.25]]), (1, 1, x.shape[2], x.shape[2]))
    assert torch.equal(z, z.transpose(-1, -2)) and z.diagonal(dim1=-2, dim2=-1).abs().max() == 0
    assert not torch.equal(z, pair_noise(torch.tensor([[0.26]]), tuple(z.shape)))
    pairs = within_hops(batch, 3)[0]
    assert 0 < pairs.sum() < pairs.numel() - len(pairs), "some pairs are further apart than three bonds"
    distances = torch.cdist(x[0, 0], x[0, 0])
    with torch.no_grad():
        scores, _ = confgf.edge_scores(distances[None, None] + 0.3 * z, batch)
        wanted = ((scores + z)[0, 0][pairs] ** 2).mean()
        assert confgf.distance_loss(x, sigma, z, batch).item() == pytest.approx(wanted.item(), rel=1e-4)


def test_confgf_does_not_see_the_noise_level():
    x, batch = frames(CHIRAL, 1), graphs(CHIRAL)
    first, second = (raw(denoiser("ConfGF"), x, batch, sigma=sigma) for sigma in (0.1, 3.0))
    assert torch.equal(first, second), "sigma times the score is a function of the distances alone"
