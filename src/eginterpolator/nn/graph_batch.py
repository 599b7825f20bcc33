"""The one batch type that every network reads."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class GraphBatch:
    """Molecular graphs, padded to one number of atoms and one number of stereo triples.

    Attributes
    ----------
    codes : int64 [B, N, C]
        Atom feature codes; see `eginterpolator.chemistry.codes.COLUMNS`.
    charges : float32 [B, N]
        Partial charges, e.
    edges : int64 [B, N, N]
        Edge types; see `eginterpolator.chemistry.codes.EDGE_TYPES`. 0 on the diagonal and at padding.
    mask : bool [B, N]
        True where there is an atom.
    triples : int64 [B, K, 4]
        Stereocentre and three neighbours; zeros at padding.
    signs : float32 [B, K]
        Wanted sign of the triple; 0 at padding.
    ensemble : int64 [B]
        Which distribution the frames come from: index into `eginterpolator.chemistry.codes.ENSEMBLES`.
    temperature : float32 [B]
        Of that distribution, K.
    times_ps : float32 [B, N]
        How long each atom's torsion remembers, ps, for the noise; see `chemistry.torsion_times`. 0 at padding.
    """

    codes: Tensor
    charges: Tensor
    edges: Tensor
    mask: Tensor
    triples: Tensor
    signs: Tensor
    ensemble: Tensor
    temperature: Tensor
    times_ps: Tensor

    def to(self, device: torch.device | str) -> GraphBatch:
        """Copy to a device."""
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    @property
    def n_atoms(self) -> Tensor:
        """Number of atoms of each molecule, int64 [B]."""
        return self.mask.sum(dim=1)

    def pair_mask(self) -> Tensor:
        """True for pairs of two different atoms, bool [B, N, N]."""
        atom = torch.arange(self.mask.shape[1], device=self.mask.device)
        return self.mask[:, :, None] & self.mask[:, None, :] & (atom[:, None] != atom)


def centre(x: Tensor, mask: Tensor) -> Tensor:
    """Remove the centre of each frame: x [B, T, N, 3], mask bool [B, N]; padding atoms become 0."""
    weight = mask[:, None, :, None].to(x.dtype)
    mean = (x * weight).sum(dim=2, keepdim=True) / weight.sum(dim=2, keepdim=True)
    return (x - mean) * weight
