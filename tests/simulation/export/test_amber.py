"""Sections of a prmtop, and input files of sander."""

from __future__ import annotations

import pytest

from eginterpolator.simulation.export.amber import with_section

PRMTOP = "%FLAG MASS\n%FORMAT(5E16.8)\n  1.0E+00  2.0E+00\n%FLAG RADII\n%FORMAT(5E16.8)\n  0.0E+00\n"


def test_a_section_is_replaced_and_the_others_stay():
    found = with_section(PRMTOP, "MASS", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5])
    head, rest = found.split("%FLAG RADII")
    numbers = [float(word) for line in head.splitlines()[2:] for word in line.split()]
    assert numbers == [1.5, 2.5, 3.5, 4.5, 5.5, 6.5] and all(len(line) <= 80 for line in head.splitlines())
    assert rest == PRMTOP.split("%FLAG RADII")[1]
    with pytest.raises(ValueError, match="no section SCREEN"):
        with_section(PRMTOP, "SCREEN", [1.0])
