"""Allenes keep their hand, and other molecules get nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.networks import molecule
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.chemistry.stereo import frame_stereo
    from eginterpolator.simulation.allenes import hold_allenes
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.protocol import ImplicitProtocol
    from eginterpolator.simulation.spread import SpreadSettings, spread_structures

    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]
    SHORT = SpreadSettings(obc2_frames=3, vacuum_frames=1, frame_ps=2.0, equilibration_ps=4.0)


@pytest.mark.parametrize("key", ["CC=C=CC;P(0,1,3,4)", "CC=C=CC;M(0,1,3,4)"])
def test_axes_hold_at_all_temperatures(key):
    axial = molecule(key)
    made = spread_structures(axial, SHORT, 1)
    assert axial.axes and frame_stereo(axial, made.positions).mean() > 0.99


def test_only_cumulated_double_bonds_get_torsions():
    for smiles, count in (("CC=C=C", 4), ("C/C=C/C=C", 0), ("CN=C=O", 0)):
        mol = molecule(smiles)
        system = build_system(mol, np.zeros((mol.n_atoms, 3)), ImplicitProtocol()).system
        assert hold_allenes(system, mol) == count
