"""The batch of graphs: frames are centred, padding stays at zero."""

from __future__ import annotations

import torch

from eginterpolator.nn.graph_batch import centre
from tests.builders.networks import graphs


def test_centre_leaves_padding_at_zero():
    batch = graphs("CO", "CCO")
    x = torch.randn((2, 4, 3, 3))
    got = centre(x, batch.mask)
    assert (got[0, :, 2] == 0).all()
    torch.testing.assert_close(got.sum(dim=2), torch.zeros(2, 4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1, :, 0] - got[1, :, 1], x[1, :, 0] - x[1, :, 1])
