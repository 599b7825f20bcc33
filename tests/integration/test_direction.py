"""Rooms of the package know only what stands below them: the contracts of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

from tests.builders import ROOT


def test_imports_keep_their_contracts():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


def test_every_module_lies_in_a_room():
    package = ROOT / "src" / "eginterpolator"
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", "api.py", "errors.py", "testing.py"}


def test_modules_that_moved_are_found_where_they_were():
    """Third parties import these; the old path says where the new one is."""
    code = (
        "from eginterpolator import Molecule\n"
        "from eginterpolator.evaluation.stereo import frame_stereo, stereo_retention\n"
        "from eginterpolator.simulation.forcefield import _force_field, build_system, openff_molecule\n"
        "from eginterpolator.simulation.protocol import ImplicitProtocol\n"
        "from eginterpolator.simulation.starts import broken_bonds, start_conformers\n"
        "import eginterpolator.chemistry.stereo as new\n"
        "assert frame_stereo is new.frame_stereo\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
