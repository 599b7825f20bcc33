"""What an import brings along, and the names that a package promises."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_evaluation_imports_no_torch():
    code = (
        "import sys, eginterpolator.evaluation.trajectories, eginterpolator.evaluation.conformers;"
        "sys.exit('torch' in sys.modules or 'deeptime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_the_package_are_there():
    from eginterpolator import evaluation

    assert all(getattr(evaluation, name) is not None for name in evaluation.__all__)
    with pytest.raises(AttributeError):
        evaluation.nothing  # noqa: B018
