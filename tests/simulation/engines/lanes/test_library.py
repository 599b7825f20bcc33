"""Which numbers of lanes a processor has, and the library of each."""

from __future__ import annotations

import os
import platform
import shutil

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.lanes import library as module
from eginterpolator.simulation.engines.lanes.library import library, widths


@pytest.mark.parametrize(
    ("machine", "features", "found"),
    [
        ("x86_64", {"sse4_2"}, (4,)),
        ("AMD64", {"sse4_2", "avx2", "fma"}, (8, 4)),
        ("x86_64", {"sse4_2", "avx2", "fma", "avx512f"}, (8, 4)),
        ("x86_64", {"sse4_2", "avx2", "fma", "avx512f", "avx512dq", "avx512vl"}, (16, 8, 4)),
        ("arm64", set(), (4,)),
        ("riscv64", set(), ()),
    ],
)
def test_widths_are_those_of_the_processor_the_largest_first(monkeypatch, machine, features, found):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(module, "processor_features", lambda: features)
    assert widths() == found


def test_a_width_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no registers for 3 lanes"):
        library(3)


# Without a compiler or vector registers there is nothing to load, and OpenMM runs instead (test_choice).
@pytest.mark.skipif(
    not widths() or shutil.which(os.environ.get("CXX", "g++")) is None, reason="no lanes, or no C++ compiler, here"
)
def test_the_library_of_a_width_says_that_it_has_it():
    assert library(widths()[-1]).lanes() == widths()[-1]
