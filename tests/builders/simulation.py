"""The shortest protocol, and whether OpenMM is here."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.protocol import ImplicitProtocol

SHORT = ImplicitProtocol(equilibration_ps=0.4)


def _md_missing() -> str:
    from eginterpolator.simulation.forcefield import require_openmm

    try:
        require_openmm()
    except InputError as error:
        return str(error)
    return ""


MISSING = _md_missing()
needs_md = pytest.mark.skipif(bool(MISSING), reason=MISSING or "present")
