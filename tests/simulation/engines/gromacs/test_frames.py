"""What a run left is read whole, once, or refused."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest

from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.gromacs import frames
from eginterpolator.simulation.engines.gromacs.program import Gmx
from tests.builders.networks import geometry, molecule

ETHANOL = molecule("CCO")


def written(path, times):
    """Frames of ethanol, cut by a box of 2 nm, at these times."""
    here = np.repeat((geometry("CCO") * 0.1)[None], len(times), axis=0) + [0.0, 0.0, 0.05]
    whole = mdtraj.formats.XTCTrajectoryFile(str(path), "w")
    with whole:
        box = np.tile(2 * np.eye(3), (len(times), 1, 1))
        whole.write(here % 2.0, time=np.array(times), step=np.arange(len(times)), box=box)
    return here


def test_frames_are_whole_and_the_start_is_left_out(tmp_path):
    written(tmp_path / "prod.xtc", [0.0, 0.4, 0.8, 1.2])
    found = frames.solute_frames(tmp_path / "prod.xtc", ETHANOL, 3, 0.4)
    assert found.shape == (3, 9, 3)
    here = geometry("CCO")
    np.testing.assert_allclose(found[0] - found[0][0], here - here[0], atol=0.02)


@pytest.mark.parametrize("times", [[0.0, 0.4, 0.8], [0.0, 0.4, 0.4, 0.8], [0.0, 0.4, 0.8, 1.6]])
def test_a_missing_or_doubled_frame_is_refused(tmp_path, times):
    written(tmp_path / "prod.xtc", times)
    with pytest.raises(SimulationError, match="in place of 4 every 0.4 ps"):
        frames.solute_frames(tmp_path / "prod.xtc", ETHANOL, 3, 0.4)
    (tmp_path / "none.xtc").write_bytes(b"")
    with pytest.raises(SimulationError, match="cannot be read"):
        frames.solute_frames(tmp_path / "none.xtc", ETHANOL, 3, 0.4)


def test_energies_are_those_of_the_frames(tmp_path, monkeypatch):
    text = "# x\n@ title\n0.0 -10 290 900\n0.2 -11 291 910\n0.4 -12 292 920\n0.8 -13 293 930\n"
    monkeypatch.setattr(Gmx, "run", lambda self, folder, *a, **k: (folder / "prod.energies.xvg").write_text(text))
    found = frames.energies(Gmx("gmx", "2022"), tmp_path, "prod", 2, 0.4)
    np.testing.assert_allclose(found, [[-12, 292, 0.92], [-13, 293, 0.93]])
    with pytest.raises(SimulationError, match="no energy of frame 2 of 3"):
        frames.energies(Gmx("gmx", "2022"), tmp_path, "prod", 3, 0.4)


def test_the_speed_is_that_of_the_last_part(tmp_path):
    log = tmp_path / "prod.log"
    log.write_text("Performance:      400.1        0.06\n...\nPerformance:      512.5        0.05\n")
    assert frames.ns_per_day(log) == 512.5
    log.write_text("Started mdrun\n")
    assert frames.ns_per_day(log) is None
