"""Networks with the denoiser that puts each of them under a noise process, by the names that configs give."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from eginterpolator.models import interpolator, structure
from eginterpolator.models.baselines import autoregressive, confgf, geodiff, geotdm
from eginterpolator.models.denoiser import (
    Denoiser,
    DistanceScoreDenoiser,
    InterpolatorDenoiser,
    StructureDenoiser,
    WindowDenoiser,
)


class Architecture(NamedTuple):
    """A network's class, whose arguments a config names, and the denoiser's."""

    network: type[nn.Module]
    denoiser: type[Denoiser]


BasicES = Architecture(structure.BasicES, StructureDenoiser)
CascadedInterpolator = Architecture(interpolator.CascadedInterpolator, InterpolatorDenoiser)
BlockwiseInterpolator = Architecture(interpolator.BlockwiseInterpolator, InterpolatorDenoiser)
ConfGF = Architecture(confgf.ConfGF, DistanceScoreDenoiser)
GeoDiff = Architecture(geodiff.GeoDiff, StructureDenoiser)
GeoTDM = Architecture(geotdm.GeoTDM, WindowDenoiser)
AutoregressiveEGNN = Architecture(autoregressive.AutoregressiveEGNN, WindowDenoiser)
AutoregressiveET = Architecture(autoregressive.AutoregressiveET, WindowDenoiser)
