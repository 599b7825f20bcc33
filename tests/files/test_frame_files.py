"""Coordinates and times out of files of other programs, and what is wrong with a file in one sentence."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import Frames, count_atoms, even_spacing, frame_spacing, imported, read_frames

POSITIONS = np.random.default_rng(0).uniform(0, 10, (4, 5, 3)).astype(np.float32)


def write(path, times=(0.0, 2.0, 4.0, 6.0)):
    topology = mdtraj.Topology()
    residue = topology.add_residue("UNK", topology.add_chain())
    for k in range(POSITIONS.shape[1]):
        topology.add_atom(f"C{k}", mdtraj.element.carbon, residue)
    mdtraj.Trajectory(POSITIONS / 10.0, topology, time=np.array(times)).save(str(path))
    return path


@pytest.mark.parametrize(("suffix", "timed"), [("xtc", True), ("trr", True), ("nc", True), ("dcd", False)])
def test_frames_are_in_angstrom_and_times_are_those_the_format_keeps(tmp_path, suffix, timed):
    path = write(tmp_path / f"a.{suffix}")
    frames = read_frames(path, 5)
    np.testing.assert_allclose(frames.positions, POSITIONS, atol=0.006)
    assert (frames.times_ps is not None) == timed and count_atoms(path) == 5
    if timed:
        np.testing.assert_allclose(frames.times_ps, [0.0, 2.0, 4.0, 6.0])


def test_chosen_atoms_come_in_the_order_they_were_asked_for(tmp_path):
    path, chosen = write(tmp_path / "a.trr"), np.array([3, 0, 4])
    np.testing.assert_allclose(read_frames(path, 5, chosen).positions, POSITIONS[:, chosen], atol=1e-5)


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    path = write(tmp_path / "a.xtc")
    with pytest.raises(InputError, match="has 5 atoms a frame, and its topology 6"):
        read_frames(path, 6)
    (tmp_path / "empty.xtc").write_bytes(b"")
    (tmp_path / "cut.xtc").write_bytes(path.read_bytes()[:-7])
    (tmp_path / "odd.thing").write_text("x")
    for name, message in (
        ("none.xtc", "missing"), ("empty.xtc", "empty"), ("cut.xtc", "damaged or cut off"), ("odd.thing", "format"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            read_frames(tmp_path / name, 5)
    (tmp_path / "a.mdcrd").write_text("x\n")
    with pytest.raises(InputError, match="does not say how many atoms"):
        count_atoms(tmp_path / "a.mdcrd")


def test_the_spacing_is_the_users_or_the_files():
    def of(times, told=None):
        frames = Frames(POSITIONS, None if times is None else np.array(times))
        return frame_spacing("a.xtc", frames, told)

    assert of([0.0, 2.0, 4.0, 6.0]) == 2.0 and of([0.0, 2.0, 4.0, 6.0], 3.0) == of([0.0, 2.0, 4.0, 7.0], 3.0) == 3.0
    assert of(None, 0.5) == of([0.0, 0.0, 0.0, 0.0], 0.5) == 0.5
    for times, told, message in (
        (None, None, "--frame-ps"), (None, -1.0, "impossible"), ([0.0, 2.0, 4.0, 7.0], None, "no even spacing"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            of(times, told)


def test_rounded_times_are_even():
    assert even_spacing(np.round(np.arange(50) * 1.3, 3), "a.xtc") == pytest.approx(1.3)


def test_a_converter_that_is_missing_says_what_to_install():
    assert imported("json").loads("1") == 1
    with pytest.raises(InputError, match=r"eginterpolator\[convert\]"):
        imported("no_such_package")
