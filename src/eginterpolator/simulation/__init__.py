"""Reference molecular dynamics of small molecules with OpenMM and OpenFF (the extra `[md]`)."""

from __future__ import annotations

from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, Protocol, protocol_named

__all__ = ["ExplicitProtocol", "ImplicitProtocol", "Protocol", "protocol_named"]
