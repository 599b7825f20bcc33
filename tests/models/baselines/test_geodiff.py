"""GeoDiff-A: two encoders with two graphs."""

from __future__ import annotations

import torch

from eginterpolator.models.baselines.pairs import pair_distances, within_hops
from tests.builders.baselines import denoiser
from tests.builders.networks import frames, graphs


def test_geodiff_has_two_encoders_with_two_graphs():
    """Atoms far apart: the cutoff silences the global encoder between molecules' ends, bonds count at any distance."""
    network, batch = denoiser("GeoDiff").network, graphs("CCCCCC")
    spread = torch.arange(6.0)[None, None, :, None] * torch.tensor([12.0, 0.0, 0.0])
    local, nothing = within_hops(batch, 3), torch.zeros(1, 6, 6, dtype=torch.bool)
    distance, unit = pair_distances(spread)
    noise = network.noise(torch.zeros(1, 1))
    with torch.no_grad():
        assert network.everywhere(distance, unit, noise, batch, nothing).abs().max() == 0
        assert network.everywhere(distance, unit, noise, batch, local).abs().max() > 0
        assert network.bonded(distance, unit, noise, batch, local).abs().max() > 0
        x, label = frames("CCCCCC", 1), torch.full((1, 1), 0.4)
        near, direction = pair_distances(x)
        parts = [
            encoder(near, direction, network.noise(label), batch, local)
            for encoder in (network.everywhere, network.bonded)
        ]
        assert torch.allclose(network(x, label, batch), parts[0] + parts[1]) and parts[0].abs().max() > 0
