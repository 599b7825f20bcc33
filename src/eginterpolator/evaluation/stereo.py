"""Deprecated: `frame_stereo` and `stereo_retention` live in `eginterpolator.chemistry.stereo`."""

from __future__ import annotations

from eginterpolator.chemistry.stereo import frame_stereo, stereo_retention

__all__ = ["frame_stereo", "stereo_retention"]
