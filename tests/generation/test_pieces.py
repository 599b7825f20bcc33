"""Pieces of replicas: every frame that fits is in one, with the wells where it begins and ends."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.jumps import Mover
from eginterpolator.generation.pieces import Pieces, piece_length


def mover(*paths: np.ndarray) -> Mover:
    return Mover((0,), np.array([1, 0, 1]), np.full(2, 0.5), np.zeros((2, 2)), 0, 1.0, tuple(paths))


def test_pieces_hold_every_frame_once_and_do_not_cross_from_replica_to_replica():
    first, second = np.arange(12) // 6, 1 - np.arange(11) // 6
    pieces = Pieces.cut([mover(first, second)], [12, 11], 2, 3)
    assert pieces.frames.tolist() == [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11], [12, 14, 16], [13, 15, 17],
                                      [18, 20, 22]]  # fmt: skip
    wells = np.concatenate([first, second])
    assert pieces.heads[:, 0].tolist() == wells[pieces.frames[:, 0]].tolist()
    assert pieces.tails[:, 0].tolist() == wells[pieces.frames[:, -1]].tolist()
    assert Pieces.cut([], [5], 1, 2).heads.shape == (2, 0)


def test_single_frames_are_pieces_in_their_own_wells():
    pieces = Pieces.single([mover()], 3)
    assert pieces.length == 1 and pieces.frames.ravel().tolist() == [0, 1, 2]
    assert pieces.heads.ravel().tolist() == pieces.tails.ravel().tolist() == [1, 0, 1]


def test_a_path_is_filled_forwards_and_backwards_and_cut_at_its_end():
    pieces = Pieces.cut([], [6], 1, 3)
    assert pieces.filled(np.array([[0, ~1], [~0, ~0]]), 5).tolist() == [[0, 1, 2, 5, 4], [2, 1, 0, 2, 1]]


@pytest.mark.parametrize(
    "frame_ps, n_frames, replica_ps, length",
    [(5.2, 500, 1000.0, 10), (5.2, 4, 1000.0, 4), (5.2, 500, 60.0, 3), (1000.0, 500, 1000.0, 1), (5.2, 500, 5.0, 1)],
)
def test_pieces_are_some_tens_of_picoseconds_long(frame_ps, n_frames, replica_ps, length):
    assert piece_length(frame_ps, n_frames, replica_ps) == length
