"""A seed draws the same weights, under the same names, as it did when the shipped models were trained."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import torch

from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.errors import InputError
from eginterpolator.models.registry import build_denoiser

SIZES = {"hidden": 32, "channels": 16, "layers": 2}
NETWORKS: dict[str, dict[str, Any]] = {
    "BasicES": SIZES,
    "CascadedInterpolator": {"structure": SIZES, "hidden": 32, "heads": 4, "blocks": 1},
    "BlockwiseInterpolator": {"structure": SIZES, "heads": 4},
    "ConfGF": {"hidden": 32, "layers": 2},
    "GeoDiff": {"hidden": 32, "global_layers": 2, "local_layers": 2},
    "GeoTDM": {**SIZES, "heads": 4},
    "AutoregressiveEGNN": SIZES,
    "AutoregressiveET": {**SIZES, "heads": 4},
}
FROZEN: dict[str, tuple[str, float]] = {
    "BasicES": ("37751f377ac0c093", -6.1474),
    "CascadedInterpolator": ("7af212a990b674d3", -9.5927),
    "BlockwiseInterpolator": ("264286fa99236109", -7.5154),
    "ConfGF": ("c9973c7912fc565b", -12.3993),
    "GeoDiff": ("be88d3be72eddd3d", 18.2825),
    "GeoTDM": ("62ee448245a82707", -0.5277),
    "AutoregressiveEGNN": ("a4e43e16f91e44a6", 4.3861),
    "AutoregressiveET": ("62ee448245a82707", -0.5277),
}
"""Hash of names and shapes, and `checksum` of the weights, written down from the code as it was before constructors
were put together."""


def built(name: str, settings: dict[str, Any]) -> torch.nn.Module:
    torch.manual_seed(7)
    return build_denoiser({"class": name, **settings}, Preconditioned(sigma_data=1.5).config()).network


def names(network: torch.nn.Module) -> str:
    facts = [(name, list(weight.shape)) for name, weight in network.state_dict().items()]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def checksum(network: torch.nn.Module) -> float:
    """Every weight counts, and its place; processors may differ in the last digits."""
    weights = torch.cat([weight.double().flatten() for weight in network.state_dict().values()])
    return float((weights * torch.sin(torch.arange(len(weights), dtype=torch.float64))).sum())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_seed_draws_the_same_weights(name):
    network = built(name, NETWORKS[name])
    wanted_names, wanted = FROZEN[name]
    assert names(network) == wanted_names and checksum(network) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("name", ["GeoTDM", "AutoregressiveEGNN", "AutoregressiveET"])
def test_sizes_reach_the_structure_layers(name):
    network = built(name, {**SIZES, "layers": 3, "max_hops": 3, "columns": (5, 4), "ensembles": 6})
    inside: Any = network.frames
    assert (inside.hidden, inside.channels, len(inside.layers), inside.max_hops) == (32, 16, 3, 3)
    assert inside.atoms.table.num_embeddings == 9 and inside.atoms.ensemble.num_embeddings == 6


@pytest.mark.parametrize("name", NETWORKS)
def test_a_setting_that_does_not_exist_is_named(name):
    settings = NETWORKS[name]
    wrong = {**settings, "structure": {**SIZES, "hiden": 3}} if "structure" in settings else {**settings, "hiden": 3}
    with pytest.raises(InputError, match=f"model '{name}' do not fit.*'hiden'"):
        built(name, wrong)
