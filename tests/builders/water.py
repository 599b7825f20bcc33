"""The shortest protocol in water, and whether GROMACS is here."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.gromacs.program import find_gmx
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol
from tests.builders.simulation import MISSING

WET = ExplicitProtocol(**BOXES["small"], nvt_steps=200, npt_steps=200, obc2_start_ps=0.0)


def _gmx_missing() -> str:
    try:
        find_gmx()
    except InputError as error:
        return str(error)
    return ""


NO_GMX = MISSING or _gmx_missing()
needs_gmx = pytest.mark.skipif(bool(NO_GMX), reason=NO_GMX or "present")
