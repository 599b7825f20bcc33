"""Times of trajectory files: rounded to float32, numbers of frames, fs, restarts, and a spacing that is given."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import Frames, even_spacing, frame_spacing, read_frames
from eginterpolator.files.trajectory import Trajectory
from tests.builders.trajectories import conformers


def spacing(times, frame_ps=None) -> float:
    return frame_spacing("a.xtc", Frames(np.zeros((len(times), 1, 3)), np.asarray(times, dtype=np.float64)), frame_ps)


@pytest.mark.parametrize("start", [0.0, 1.0e4, 1.0e6, 8.0e6])
@pytest.mark.parametrize("step", [0.4, 1.0, 1.3, 2.0, 5.2])
@pytest.mark.parametrize("count", [2, 11, 1001])
def test_times_that_were_rounded_to_float32(start, step, count):
    times = (start + step * np.arange(count)).astype(np.float32)
    rounding = float(np.spacing(times[-1]))
    if count * step < 20 * rounding:  # nothing is left of them
        return
    assert even_spacing(times, "a.xtc") == pytest.approx(step, abs=rounding / (count - 1) + 1e-6)


def test_a_long_xtc_is_read_from_disk(tmp_path):
    """1 µs into a simulation float32 holds steps of 0.06 ps: 0.4 ps come as 0.375 and 0.4375."""
    molecule, frames = conformers("CCO", 50)
    times = 1.0e6 + 0.4 * np.arange(50)
    mdtraj.Trajectory(frames / 10.0, None, time=times).save_xtc(str(tmp_path / "a.xtc"))
    assert len(set(np.diff(read_frames(tmp_path / "a.xtc").times_ps))) > 1
    assert Trajectory.load(tmp_path / "a.xtc", molecule).frame_ps == 0.4


@pytest.mark.parametrize(
    ("times", "frame", "at", "before"),
    [
        ([0, 1, 2, 3, 0, 1, 2, 3], 4, "0", "3"),  # a restart
        ([0, 2, 4, 6, 9, 11, 13], 4, "9", "6"),
        ([0, 2, 4, 4, 6, 8], 3, "4", "4"),
        ([0, 2, 4, 8, 16], 3, "8", "4"),
        ([5, 4, 3, 2], 1, "4", "5"),
        ([0, 0.4, 0.8, 1000000.8, 1000001.2], 3, "1000000.8", "0.8"),
    ],
)
def test_the_frame_where_times_are_uneven_is_named(times, frame, at, before, caplog):
    with pytest.raises(InputError, match=rf"frame {frame} \(from 0\) is at {at} ps, the one before at {before} ps"):
        spacing(times)
    assert spacing(times, 2.5) == 2.5  # what is given goes before, and says so
    assert "no even spacing" in caplog.text and "--frame-ps 2.5 is taken" in caplog.text


def test_a_spacing_that_is_given_overrides_the_file_and_says_so(caplog):
    assert spacing([0, 1, 2, 3], 5.2) == 5.2
    assert caplog.messages == ["'a.xtc' has frames every 1 ps; --frame-ps 5.2 is taken instead"]
    caplog.clear()
    assert spacing([0, 5.2, 10.4], 5.2) == 5.2 and not caplog.messages


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0, 1, 2, 3], "look like frame numbers and are taken as 1 ps apart"),
        ([1, 2, 3, 4], "look like frame numbers"),
        ([0, 400, 800], "are 400 ps apart; if its times are in fs"),
        ([0, 2, 4], None),
        ([7, 8, 9], None),
    ],
)
def test_times_that_are_no_picoseconds_are_suspected(times, message, caplog):
    assert spacing(times) == times[1] - times[0]
    assert message in caplog.text if message else not caplog.messages


def test_no_times_ask_for_a_spacing():
    for times in ([0.0], [3.0, 3.0, 3.0]):
        with pytest.raises(InputError, match="does not tell the time between its frames; give it with --frame-ps"):
            spacing(times)
        assert spacing(times, 2.0) == 2.0
